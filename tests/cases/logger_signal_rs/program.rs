// SPDX-License-Identifier: GPL-2.0-or-later
//! A logger that is called in a signal handler: the locks of Rust's std.
//!
//! The log's reader is gone, so that a thread inside Logger::log gets SIGPIPE; the handler
//! logs as well, and waits for the lock of the thread that it interrupted. Another thread's
//! log waits behind both. In mode "benign" the log has a reader, and the signal comes
//! when the thread is not in the logger; fixed, the handler counts and does not log.

use std::ffi::c_void;
use std::fs::File;
use std::io::Write;
use std::os::raw::c_int;
use std::os::unix::io::FromRawFd;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};
use std::sync::Mutex;
use std::thread::{sleep, yield_now, Builder};
use std::time::Duration;

extern "C" {
    fn pipe(ends: *mut c_int) -> c_int;
    fn raise(number: c_int) -> c_int;
    fn signal(number: c_int, handler: extern "C" fn(c_int)) -> *const c_void;
}

const SIGPIPE: c_int = 13;

static SIGPIPES: AtomicU32 = AtomicU32::new(0);
static IN_HANDLER: AtomicBool = AtomicBool::new(false);
static VCPU_DONE: AtomicBool = AtomicBool::new(false);
static LOGGER: Logger = Logger {
    target: Mutex::new(None),
};

fn wait_until(what: &AtomicBool) {
    while !what.load(SeqCst) {
        yield_now();
    }
}

/// Who looks into the program from outside needs time to: CASE_SLOW_MS keeps locks that long.
fn linger() {
    if let Ok(ms) = std::env::var("CASE_SLOW_MS") {
        sleep(Duration::from_millis(ms.parse().unwrap()));
    }
}

struct Logger {
    target: Mutex<Option<File>>,
}

impl Logger {
    /// A log that cannot be written is lost.
    #[inline(never)]
    fn log(&self, message: &str) {
        if let Some(file) = self.target.lock().unwrap().as_mut() {
            let _ = file.write_all(message.as_bytes());
            linger();
        }
    }
}

#[inline(never)]
fn log_sigpipe_handler() {
    LOGGER.log("received signal 13\n");
}

extern "C" fn sigpipe_handler(_number: c_int) {
    IN_HANDLER.store(true, SeqCst);
    log_sigpipe_handler();
}

extern "C" fn counting_handler(_number: c_int) {
    SIGPIPES.fetch_add(1, SeqCst);
}

/// The log goes to a pipe. Returns the end to read from.
fn open_log() -> File {
    let mut ends = [0; 2];
    assert_eq!(unsafe { pipe(ends.as_mut_ptr()) }, 0);
    *LOGGER.target.lock().unwrap() = Some(unsafe { File::from_raw_fd(ends[1]) });
    unsafe { File::from_raw_fd(ends[0]) }
}

fn handler_of(mode: &str) -> extern "C" fn(c_int) {
    match mode {
        "fixed" => counting_handler,
        _ => sigpipe_handler,
    }
}

#[inline(never)]
fn vcpu_run(benign: bool) {
    LOGGER.log("vCPU 0 runs\n");
    if benign {
        unsafe { raise(SIGPIPE) };
    }
    VCPU_DONE.store(true, SeqCst);
}

fn main() {
    let mode = std::env::args().nth(1).unwrap_or_else(|| "benign".into());
    let benign = mode == "benign";
    let reader = open_log();

    unsafe { signal(SIGPIPE, handler_of(&mode)) };
    if !benign {
        drop(reader);
    }
    let vcpu = Builder::new().name("fc_vcpu 0".into());
    let vcpu = vcpu.spawn(move || vcpu_run(benign)).unwrap();
    wait_until(match mode.as_str() {
        "hang" => &IN_HANDLER,
        _ => &VCPU_DONE,
    });
    LOGGER.log("the VMM runs\n");
    vcpu.join().unwrap();
}
