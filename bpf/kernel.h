/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The few structures of the kernel that the BPF programs look into, with the few members that
 * they look at. Where these lie, libbpf finds out when it loads the programs (CO-RE): so a build
 * needs no kernel's headers, and no BTF.
 */
#pragma once

#include <linux/bpf.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct thread_struct {
	unsigned long fsbase;
};

struct signal_struct {
	unsigned int flags;
};

struct sigaction {
	void *sa_handler;
};

struct k_sigaction {
	struct sigaction sa;
};

struct sighand_struct {
	struct k_sigaction action[64];
};

/* A bit for each signal, from 1 on. */
typedef struct {
	unsigned long sig[1];
} sigset_t;

/* A thread's number in one namespace of processes. */
struct upid {
	int nr;
};

struct pid {
	unsigned int level; /* its own namespace is the innermost */
	struct upid numbers[1];
};

struct task_struct {
	int pid;
	int exit_code;
	struct pid *thread_pid;
	sigset_t blocked;
	struct sighand_struct *sighand;
	struct signal_struct *signal;
	struct thread_struct thread;
};

struct pt_regs {
	unsigned long r15;
	unsigned long r14;
	unsigned long r13;
	unsigned long r12;
	unsigned long bp;
	unsigned long bx;
	unsigned long r10;
	unsigned long r9;
	unsigned long r8;
	unsigned long ax;
	unsigned long cx;
	unsigned long dx;
	unsigned long si;
	unsigned long di;
	unsigned long orig_ax; /* the number of the system call */
	unsigned long ip;
	unsigned long flags;
	unsigned long sp;
};

#pragma clang attribute pop
