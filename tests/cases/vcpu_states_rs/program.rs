// SPDX-License-Identifier: GPL-2.0-or-later
//! Pausing a vCPU that needs the lock which the pauser holds: the locks of Rust's std.
//!
//! The VMM thread kicks the vCPU and polls for its acknowledgement while it holds
//! vcpu_states. The vCPU acknowledges in its run loop only, and an MMIO exit on the way
//! there takes vcpu_states. The published fix takes the lock anew for each vCPU, yet
//! holds it through each wait. Fixed, what the wait needs is cloned and the lock let go.
//!
//! KVM_RUN is imitated by a ppoll() that the kick interrupts. The guest reads the hotplug
//! controller some times and spins. In the modes that hang it is paused in the first
//! read, in "fixed" too; otherwise when it spins.

use std::ffi::c_void;
use std::os::raw::{c_int, c_long, c_ulong};
use std::os::unix::thread::JoinHandleExt;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread::{sleep, yield_now, Builder, JoinHandle};
use std::time::Duration;

#[repr(C)]
struct Timespec {
    seconds: c_long,
    nanoseconds: c_long,
}

extern "C" {
    fn __libc_current_sigrtmin() -> c_int;
    fn signal(number: c_int, handler: extern "C" fn(c_int)) -> *const c_void;
    fn pthread_kill(thread: c_ulong, number: c_int) -> c_int;
    fn ppoll(
        files: *const c_void,
        n_files: c_ulong,
        timeout: *const Timespec,
        mask: *const c_void,
    ) -> c_int;
}

const GUEST_READS: u32 = 100;
const POLL: Duration = Duration::from_millis(1);
const POLLS_A_KICK: u32 = 10;
/// How long an acknowledgement takes at least: one repeated kick.
const POLLS_MIN: u32 = 12;

static POLLS: AtomicU32 = AtomicU32::new(0);
static STARTED: AtomicBool = AtomicBool::new(false);
static READING: AtomicBool = AtomicBool::new(false);
static SPINNING: AtomicBool = AtomicBool::new(false);

/// Waits until the VMM thread has polled n times for an acknowledgement.
fn wait_for_polls(n: u32) {
    while POLLS.load(SeqCst) < n {
        yield_now();
    }
}

fn wait_until(what: &AtomicBool) {
    while !what.load(SeqCst) {
        yield_now();
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Mode {
    Hang,
    Benign,
    PublishedHang,
    PublishedFix,
    Fixed,
}

impl Mode {
    fn from_name(name: &str) -> Self {
        match name {
            "hang" => Mode::Hang,
            "benign" => Mode::Benign,
            "published-hang" => Mode::PublishedHang,
            "published-fix" => Mode::PublishedFix,
            "fixed" => Mode::Fixed,
            _ => panic!("no mode {}", name),
        }
    }

    fn paused_in_read(self) -> bool {
        self != Mode::Benign && self != Mode::PublishedFix
    }
}

/// The kick: it only has to interrupt ppoll(). One that comes too early is repeated.
extern "C" fn handle_signal(_number: c_int) {}

#[derive(Clone, Default)]
struct VcpuState {
    handle: Option<Arc<JoinHandle<()>>>,
    run_interrupted: Arc<AtomicBool>,
}

impl VcpuState {
    #[inline(never)]
    fn signal_thread(&self) {
        let thread = self.handle.as_ref().unwrap().as_pthread_t();
        let killed = unsafe { pthread_kill(thread, __libc_current_sigrtmin()) };
        assert_eq!(killed, 0);
    }

    #[inline(never)]
    fn wait_until_signal_acknowledged(&self) {
        let mut n = 0;
        while !self.run_interrupted.load(SeqCst) {
            sleep(POLL);
            POLLS.fetch_add(1, SeqCst);
            n += 1;
            if n % POLLS_A_KICK == 0 {
                self.signal_thread();
            }
        }
    }
}

/// Who looks into the program from outside needs time to: CASE_SLOW_MS keeps locks that long.
fn linger() {
    if let Ok(ms) = std::env::var("CASE_SLOW_MS") {
        sleep(Duration::from_millis(ms.parse().unwrap()));
    }
}

type VcpuStates = Arc<Mutex<Vec<VcpuState>>>;

struct AcpiCpuHotplugController {
    mode: Mode,
    vcpu_states: VcpuStates,
}

impl AcpiCpuHotplugController {
    #[inline(never)]
    fn read(&self) -> usize {
        if self.mode.paused_in_read() {
            READING.store(true, SeqCst);
            wait_for_polls(1);
        }
        let states = self.vcpu_states.lock().unwrap();
        linger();
        states.len()
    }
}

enum VcpuExit {
    MmioRead,
    Interrupted,
}

struct Vcpu {
    reads: u32,
}

impl Vcpu {
    #[inline(never)]
    fn run(&mut self) -> VcpuExit {
        let guest_time = Timespec {
            seconds: 0,
            nanoseconds: 1000,
        };
        let timeout: *const Timespec = if self.reads < GUEST_READS {
            self.reads += 1;
            &guest_time
        } else {
            SPINNING.store(true, SeqCst);
            std::ptr::null()
        };
        match unsafe { ppoll(std::ptr::null(), 0, timeout, std::ptr::null()) } {
            0 => VcpuExit::MmioRead,
            _ => VcpuExit::Interrupted,
        }
    }
}

#[inline(never)]
fn vcpu_thread(
    controller: AcpiCpuHotplugController,
    pause_signalled: Arc<AtomicBool>,
    run_interrupted: Arc<AtomicBool>,
) {
    let mut vcpu = Vcpu { reads: 0 };
    wait_until(&STARTED);
    while !pause_signalled.load(SeqCst) {
        if let VcpuExit::MmioRead = vcpu.run() {
            controller.read();
        }
    }
    wait_for_polls(POLLS_MIN);
    run_interrupted.store(true, SeqCst);
}

struct CpuManager {
    mode: Mode,
    vcpu_states: VcpuStates,
    vcpus_pause_signalled: Arc<AtomicBool>,
}

impl CpuManager {
    fn new(mode: Mode) -> Self {
        CpuManager {
            mode,
            vcpu_states: Arc::new(Mutex::new(vec![VcpuState::default()])),
            vcpus_pause_signalled: Arc::default(),
        }
    }

    fn start_vcpu(&self) -> Arc<JoinHandle<()>> {
        let controller = AcpiCpuHotplugController {
            mode: self.mode,
            vcpu_states: self.vcpu_states.clone(),
        };
        let pause_signalled = self.vcpus_pause_signalled.clone();
        let mut states = self.vcpu_states.lock().unwrap();
        let run_interrupted = states[0].run_interrupted.clone();
        let run = move || vcpu_thread(controller, pause_signalled, run_interrupted);
        let handle = Arc::new(Builder::new().name("vcpu0".into()).spawn(run).unwrap());
        states[0].handle = Some(handle.clone());
        drop(states);
        STARTED.store(true, SeqCst);
        handle
    }

    #[inline(never)]
    fn signal_vcpus_bug(&self) {
        let states = self.vcpu_states.lock().unwrap();
        for state in states.iter() {
            state.signal_thread();
        }
        for state in states.iter() {
            state.wait_until_signal_acknowledged();
        }
    }

    #[inline(never)]
    fn signal_vcpus_published(&self) {
        let n = self.vcpu_states.lock().unwrap().len();
        for i in 0..n {
            self.vcpu_states.lock().unwrap()[i].signal_thread();
        }
        for i in 0..n {
            self.vcpu_states.lock().unwrap()[i].wait_until_signal_acknowledged();
        }
    }

    #[inline(never)]
    fn signal_vcpus_fixed(&self) {
        let states = {
            let guard = self.vcpu_states.lock().unwrap();
            for state in guard.iter() {
                state.signal_thread();
            }
            guard.clone()
        };
        for state in &states {
            state.wait_until_signal_acknowledged();
        }
    }

    #[inline(never)]
    fn signal_vcpus(&self) {
        match self.mode {
            Mode::Hang | Mode::Benign => self.signal_vcpus_bug(),
            Mode::PublishedHang | Mode::PublishedFix => self.signal_vcpus_published(),
            Mode::Fixed => self.signal_vcpus_fixed(),
        }
    }

    #[inline(never)]
    fn pause(&self) {
        self.vcpus_pause_signalled.store(true, SeqCst);
        self.signal_vcpus();
    }
}

fn vmm_thread(mode: Mode) {
    unsafe { signal(__libc_current_sigrtmin(), handle_signal) };
    let manager = CpuManager::new(mode);
    let vcpu = manager.start_vcpu();
    wait_until(match mode.paused_in_read() {
        true => &READING,
        false => &SPINNING,
    });
    manager.pause();
    drop(manager);
    Arc::try_unwrap(vcpu).ok().unwrap().join().unwrap();
}

fn main() {
    let mode = Mode::from_name(&std::env::args().nth(1).unwrap_or_else(|| "benign".into()));
    let vmm = Builder::new().name("vmm".into());
    vmm.spawn(move || vmm_thread(mode)).unwrap().join().unwrap();
}
