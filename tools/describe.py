#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes the manual and the shells' completion from the tables of commands, options and settings.

    describe.py man TABLES TEMPLATE HEADER OUTPUT
    describe.py bash|zsh|fish TABLES OUTPUT

TABLES is what src/cli/describe.c writes, HEADER is deadwatch/annotate.h. A template is a page in
which these comments stand for what is made:

    .\\" commands            every command, with its line of help
    .\\" options of NAME     the options of that command, or of deadwatch itself
    .\\" settings            the keys of DEADWATCH_OPTIONS
    .\\" macros              what programs may say, with the header's comments
    .\\" more about WORD     the lines from here on belong to that option or key

A page without them is left as it is.
"""
import json
import re
import sys

MARK = re.compile(r'\.\\" (commands|options of|settings|macros|more about) ?(\S*)$')
MACRO = re.compile(r"/\*\n((?: \*[^\n]*\n)+?) \*/\n((?:#define DEADWATCH_\w+\([^\n]*\n)+)")


# The manual.

def roff(text):
    """As text, nothing in which means something to roff."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return re.sub(r"(?m)^([.'])", r"\\&\1", text)


def sentence(text):
    return roff(text[0].upper() + text[1:]) + ("" if text.endswith(".") else ".")


def is_choice(argument):
    """Words to choose from, not the name of something."""
    return "|" in argument


def argument_roff(argument):
    """Names in italics, words that are meant literally in bold."""
    if is_choice(argument):
        return "|".join(rf"\fB{roff(word)}\fR" for word in argument.split("|"))
    return "".join(rf"\fI{roff(part)}\fR" if part.isupper() else roff(part)
                   for part in re.findall(r"[A-Z]+|[^A-Z]+", argument))


def option_head(option):
    name = r"\fB\-\-" + roff(option["name"]) + r"\fR"
    if option["argument"]:
        name += "=" + argument_roff(option["argument"])
    return (rf"\fB\-{option['letter']}\fR, " if option["letter"] else "") + name


def setting_head(setting):
    return rf"\fB{setting['key']}\fR=" + argument_roff(setting["values"])


def setting_text(setting):
    text = setting["help"] + ". Not set: " + setting["otherwise"]
    return sentence(text)


def rows_roff(rows, key, head, text, more):
    """Each row, with what the template has to say about it besides."""
    unknown = set(more) - {row[key] for row in rows}
    if unknown:
        sys.exit("more is said about %s, but there is none" % ", ".join(sorted(unknown)))
    lines = []
    for row in rows:
        lines += [".TP", head(row), text(row)] + more.get(row[key], [])
    return lines


def command_roff(command):
    return [".TP", rf".BR deadwatch\-{command['name']} (1)", roff(command["help"])]


def macros_roff(header):
    with open(header) as file:
        text = file.read()
    lines = []
    for comment, macros in MACRO.findall(text):
        words = " ".join(line[2:].strip() for line in comment.splitlines())
        names = re.findall(r"#define (DEADWATCH_\w+)\(([^)]*)\)", macros)
        if names[0][0] == "DEADWATCH_SAY":
            continue
        for i, (name, arguments) in enumerate(names):
            lines += [".TP" if i == 0 else ".TQ", rf"\fB{name}\fR(\fI{arguments}\fR)"]
        lines.append(re.sub(r"@(\w+)", r"\\fI\1\\fR", roff(words)))
    if not lines:
        sys.exit("%s has no macros" % header)
    return lines


def options_of(tables, name):
    if name == "deadwatch":
        return tables["program"]["options"]
    return next(c["options"] for c in tables["commands"] if c["name"] == name)


def take_more(lines, i):
    """What is said besides, from line i on: a list of lines for each word. And where it ends."""
    more = {}
    while i < len(lines):
        mark = MARK.match(lines[i])
        if not mark or mark[1] != "more about":
            break
        end = i + 1
        while end < len(lines) and not MARK.match(lines[end]) and not lines[end].startswith(".SH"):
            end += 1
        more[mark[2]] = lines[i + 1:end]
        i = end
    return more, i


def make_page(tables, template, header):
    with open(template) as file:
        lines = file.read().splitlines()
    page, i = [], 0
    while i < len(lines):
        mark = MARK.match(lines[i])
        i += 1
        if not mark:
            page.append(lines[i - 1])
            continue
        more, i = take_more(lines, i)
        if mark[1] == "commands":
            page += sum(map(command_roff, tables["commands"]), [])
        elif mark[1] == "options of":
            page += rows_roff(options_of(tables, mark[2]), "name", option_head,
                              lambda row: sentence(row["help"]), more)
        elif mark[1] == "settings":
            page += rows_roff(tables["settings"], "key", setting_head, setting_text, more)
        elif mark[1] == "macros":
            page += macros_roff(header)
        else:
            sys.exit("%s: '%s' belongs to no list" % (template, lines[i - 1]))
    return "\n".join(page) + "\n"


# Completion.

def operands(command):
    """The kinds of what a command takes besides options, by the words of its synopsis."""
    words = set(re.findall(r"[A-Z]+", command["synopsis"])) - {"OPTION"}
    kinds = set()
    if "PID" in words:
        kinds.add("pid")
    if "PROGRAM" in words:
        kinds.add("command")
    if words - {"PID", "PROGRAM", "ARGUMENT"}:
        kinds.add("file")
    return kinds


def option_words(command):
    words = []
    for option in command["options"]:
        words.append("--" + option["name"] + ("=" if option["argument"] else ""))
        if option["letter"]:
            words.append("-" + option["letter"])
    return words


def choices(option):
    return option["argument"].split("|") if is_choice(option["argument"] or "") else []


def quote(text):
    return "'" + text.replace("'", "'\\''") + "'"


BASH = r"""# SPDX-License-Identifier: GPL-2.0-or-later
# Completion of deadwatch for bash.

# _deadwatch_values COMMAND OPTION: the words that the option can have; 1: any file.
_deadwatch_values() {
	case $1$2 in
%(values)s
	*) return 1 ;;
	esac
}

# _deadwatch_takes COMMAND OPTION: whether a word has to follow it.
_deadwatch_takes() {
	case $1$2 in
	%(takers)s) return 0 ;;
	*) return 1 ;;
	esac
}

_deadwatch() {
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} command= at i
	COMPREPLY=()
	for ((at = 1; at < COMP_CWORD; at++)); do
		[[ ${COMP_WORDS[at]} == -* ]] || { command=${COMP_WORDS[at]}; break; }
	done
	if [[ -z $command ]]; then
		COMPREPLY=($(compgen -W %(first)s -- "$word"))
		return
	fi
	# --name=value is three words to bash.
	if [[ $word == = ]]; then
		word=
	elif [[ $before == = ]]; then
		before=${COMP_WORDS[COMP_CWORD-2]}
	fi
	case $command in
%(wraps)s) # behind the program's name, its own words begin
		for ((i = at + 1; i < COMP_CWORD; i++)); do
			[[ ${COMP_WORDS[i]} == -- ]] && { ((i++)); break; }
			[[ ${COMP_WORDS[i]} == -* || ${COMP_WORDS[i]} == = || ${COMP_WORDS[i-1]} == = ]] ||
				_deadwatch_takes "$command" "${COMP_WORDS[i-1]}" || break
		done
		if ((i < COMP_CWORD)); then
			declare -F _command_offset >/dev/null && _command_offset "$i" ||
				COMPREPLY=($(compgen -f -- "$word"))
			return
		fi
		;;
	esac
	local values
	if values=$(_deadwatch_values "$command" "$before"); then
		COMPREPLY=($(compgen -W "$values" -- "$word"))
		return
	fi
	case $command in
%(commands)s
	esac
	[[ ${COMPREPLY[0]} == *= ]] && compopt -o nospace 2>/dev/null
}
complete -o filenames -F _deadwatch deadwatch
"""


def bash_command(command):
    kinds = operands(command)
    actions = {"file": "$(compgen -f -- \"$word\")", "command": "$(compgen -c -- \"$word\")",
               "pid": "$(compgen -W \"$(cd /proc && echo [1-9]*)\" -- \"$word\")"}
    rest = " ".join(actions[kind] for kind in sorted(kinds))
    return ("\t%s)\n\t\tif [[ $word == -* ]]; then\n"
            "\t\t\tCOMPREPLY=($(compgen -W %s -- \"$word\"))\n"
            "\t\telif [[ $before == -* && $before != -- ]] && _deadwatch_takes %s \"$before\"; then\n"
            "\t\t\tCOMPREPLY=($(compgen -f -- \"$word\"))\n"
            "\t\telse\n\t\t\tCOMPREPLY=(%s)\n\t\tfi\n\t\t;;" %
            (command["name"], quote(" ".join(option_words(command))), command["name"], rest))


def make_bash(tables):
    values, takers = [], []
    for command in tables["commands"]:
        for option in command["options"]:
            if not option["argument"]:
                continue
            names = ["--" + option["name"]] + (["-" + option["letter"]] if option["letter"] else [])
            takers.append("|".join(command["name"] + name for name in names))
            if choices(option):
                values.append("\t%s) echo %s ;;" % (takers[-1], " ".join(choices(option))))
    names = [command["name"] for command in tables["commands"]]
    return BASH % {
        "values": "\n".join(values),
        "takers": "|".join(takers),
        "first": quote(" ".join(names + option_words(tables["program"]))),
        "wraps": "\t" + "|".join(c["name"] for c in tables["commands"] if c["wraps"]),
        "commands": "\n".join(map(bash_command, tables["commands"])),
    }


def zsh_text(text):
    return re.sub(r"([\[\]:\\])", r"\\\1", text)


def zsh_option(option):
    action = ""
    if option["argument"]:
        words = choices(option)
        action = ":%s:%s" % (option["name"], "(%s)" % " ".join(words) if words else "_files")
    # Any option can come again, where a later one wins.
    name = "--" + option["name"] + ("=" if option["argument"] else "")
    specs = [quote("*%s[%s]%s" % (name, zsh_text(option["help"]), action))]
    if option["letter"]:
        letter = "-" + option["letter"] + ("+" if option["argument"] else "")
        specs.append(quote("*%s[%s]%s" % (letter, zsh_text(option["help"]), action)))
    return specs


def zsh_command(command):
    specs = sum(map(zsh_option, command["options"]), [])
    if command["wraps"]:
        specs += ["'(-)1: :_command_names -e'", "'*:: :_normal'"]
    else:
        functions = {"pid": "_deadwatch_pids", "command": "_command_names", "file": "_files"}
        actions = " ".join(functions[kind] for kind in sorted(operands(command)))
        specs.append(quote("*:operand:_alternative %s" % " ".join(
            "\"%s:%s:%s\"" % (kind, kind, functions[kind]) for kind in sorted(operands(command)))
            if len(operands(command)) > 1 else "*:operand:" + actions))
    flags = "-s -S -A '-*'" if command["wraps"] else "-s -S"
    return "\t%s)\n\t\t_arguments %s \\\n\t\t\t%s\n\t\t;;" % (
        command["name"], flags, " \\\n\t\t\t".join(specs))


def make_zsh(tables):
    lines = ["#compdef deadwatch", "# SPDX-License-Identifier: GPL-2.0-or-later", "",
             "_deadwatch_pids() {", "\tcompadd \"$@\" -- /proc/<->(N:t)", "}", "",
             "_deadwatch() {", "\tlocal context state state_descr line", "\ttypeset -A opt_args",
             "\tlocal -a commands", "\tcommands=("]
    for command in tables["commands"]:
        lines.append("\t\t" + quote("%s:%s" % (command["name"], command["help"].rstrip("."))))
    first = " \\\n\t\t".join(sum(map(zsh_option, tables["program"]["options"]), []))
    lines += ["\t)", "\t_arguments -s -A '-*' \\\n\t\t%s \\" % first,
              "\t\t'1: :->command' '*:: :->words'",
              "\tif [[ $state == command ]]; then",
              "\t\t_describe -t commands command commands", "\t\treturn", "\tfi",
              "\tcase $words[1] in"]
    lines += map(zsh_command, tables["commands"])
    lines += ["\tesac", "}", "", "_deadwatch \"$@\""]
    return "\n".join(lines) + "\n"


def fish_option(option, condition):
    line = "complete -c deadwatch -n %s -l %s" % (quote(condition), option["name"])
    if option["letter"]:
        line += " -s " + option["letter"]
    if choices(option):
        line += " -x -a " + quote(" ".join(choices(option)))
    elif option["argument"]:
        line += " -r -F"
    return line + " -d " + quote(option["help"])


def make_fish(tables):
    names = " ".join(command["name"] for command in tables["commands"])
    none = "not __fish_seen_subcommand_from " + names
    lines = ["# SPDX-License-Identifier: GPL-2.0-or-later",
             "# Completion of deadwatch for fish.", "complete -c deadwatch -f"]
    lines += [fish_option(option, none) for option in tables["program"]["options"]]
    for command in tables["commands"]:
        lines.append("complete -c deadwatch -n %s -a %s -d %s" % (
            quote(none), command["name"], quote(command["help"])))
    for command in tables["commands"]:
        seen = "__fish_seen_subcommand_from " + command["name"]
        lines += [fish_option(option, seen) for option in command["options"]]
        kinds = operands(command)
        if command["wraps"]:
            lines.append("complete -c deadwatch -n %s -x -a '(__fish_complete_subcommand --fcs-skip=2)'" %
                         quote(seen))
            continue
        if "file" in kinds or "command" in kinds:
            lines.append("complete -c deadwatch -n %s -F" % quote(seen))
        if "pid" in kinds:
            lines.append("complete -c deadwatch -n %s -a '(__fish_complete_pids)'" % quote(seen))
        if "command" in kinds:
            lines.append("complete -c deadwatch -n %s -a '(__fish_complete_command)'" % quote(seen))
    return "\n".join(lines) + "\n"


def main():
    what, path = sys.argv[1:3]
    with open(path) as file:
        tables = json.load(file)
    if what == "man":
        text = make_page(tables, *sys.argv[3:5])
    else:
        text = {"bash": make_bash, "zsh": make_zsh, "fish": make_fish}[what](tables)
    with open(sys.argv[-1], "w") as file:
        file.write(text)


if __name__ == "__main__":
    main()
