/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writes the tables of commands, options and settings down, as JSON. It is run by the build,
 * and what makes the manual and completion (tools/describe.py) reads it: neither has a list of its
 * own.
 */
#include "cli/commands.h"
#include "cli/environment.h"

#include <json-c/json.h>
#include <string.h>

typedef struct json_object json;

static void add_text(json *object, const char *key, const char *text)
{
	json_object_object_add(object, key, text ? json_object_new_string(text) : NULL);
}

static json *option_json(const struct dw_option *option)
{
	json *object = json_object_new_object();
	char letter[2] = {(char)option->id, '\0'};

	add_text(object, "name", option->name);
	add_text(object, "letter", option->id < 256 ? letter : NULL);
	add_text(object, "argument", option->argument);
	add_text(object, "help", option->help);
	return object;
}

static json *command_json(const struct dw_command *command)
{
	json *object = json_object_new_object(), *options = json_object_new_array();

	for (const struct dw_option *option = command->options; option->name; option++)
		json_object_array_add(options, option_json(option));
	json_object_array_add(options, option_json(&dw_help_option));
	add_text(object, "name", command->name);
	add_text(object, "synopsis", command->synopsis);
	add_text(object, "help", command->help);
	json_object_object_add(object, "wraps", json_object_new_boolean(command->wraps));
	json_object_object_add(object, "options", options);
	return object;
}

static json *setting_json(const struct dw_setting *setting)
{
	json *object = json_object_new_object();

	add_text(object, "key", setting->key);
	add_text(object, "values", setting->values);
	add_text(object, "otherwise", setting->otherwise);
	add_text(object, "help", setting->help);
	return object;
}

int main(void)
{
	json *object = json_object_new_object(), *commands = json_object_new_array();
	json *settings = json_object_new_array();

	for (const struct dw_command *command = dw_commands; command->name; command++)
		json_object_array_add(commands, command_json(command));
	for (const struct dw_setting *setting = dw_settings; setting->key; setting++)
		json_object_array_add(settings, setting_json(setting));
	add_text(object, "version", DW_VERSION);
	json_object_object_add(object, "program", command_json(&dw_program));
	json_object_object_add(object, "commands", commands);
	json_object_object_add(object, "settings", settings);
	puts(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY));
	json_object_put(object);
	return fflush(stdout) ? 1 : 0;
}
