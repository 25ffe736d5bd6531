// SPDX-License-Identifier: GPL-2.0-or-later
//! The MMIO bus against the resource allocator: the locks of Rust's std.
//!
//! The VMM thread attaches a device: allocator, then the bus for writing. A vCPU writes
//! to the bus and creates an MSI-X group: bus for reading, then the allocator. Fixed, the
//! allocator is let go before the bus is written. In mode "readers" there are just readers
//! of the bus, nested in two orders with a second one.
//!
//! In mode "hang" both hold their first lock before they take the second; in the other
//! modes they take turns.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::sync::{Arc, Mutex, RwLock};
use std::thread::{sleep, yield_now, Builder, JoinHandle};
use std::time::Duration;

static TURN: AtomicU32 = AtomicU32::new(0);
static MET: AtomicU32 = AtomicU32::new(0);

fn wait_for(counter: &AtomicU32, n: u32) {
    while counter.load(SeqCst) < n {
        yield_now();
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Mode {
    Hang,
    Benign,
    Fixed,
    Readers,
}

impl Mode {
    fn from_name(name: &str) -> Self {
        match name {
            "hang" => Mode::Hang,
            "benign" => Mode::Benign,
            "fixed" => Mode::Fixed,
            "readers" => Mode::Readers,
            _ => panic!("no mode {}", name),
        }
    }

    /// In mode "hang", waits until both threads are here.
    fn meet(self) {
        if self == Mode::Hang {
            MET.fetch_add(1, SeqCst);
            wait_for(&MET, 2);
        }
    }

    fn turn(self, n: u32) {
        if self != Mode::Hang {
            wait_for(&TURN, n);
        }
    }
}

/// Who looks into the program from outside needs time to: CASE_SLOW_MS keeps locks that long.
fn linger() {
    if let Ok(ms) = std::env::var("CASE_SLOW_MS") {
        sleep(Duration::from_millis(ms.parse().unwrap()));
    }
}

#[derive(Default)]
struct Bus {
    devices: RwLock<BTreeMap<u64, u32>>,
}

impl Bus {
    #[inline(never)]
    fn insert(&self, base: u64, device: u32) {
        self.devices.write().unwrap().insert(base, device);
    }

    #[inline(never)]
    fn write(&self, vm: &Vm, base: u64) {
        let devices = self.devices.read().unwrap();
        linger();
        vm.mode.meet();
        if devices.contains_key(&base) {
            vm.create_msix_group();
        }
    }

    /// Reads this bus, and another meanwhile.
    #[inline(never)]
    fn read(&self, other: &Bus) -> usize {
        let devices = self.devices.read().unwrap();
        linger();
        devices.len() + other.devices.read().unwrap().len()
    }
}

#[derive(Default)]
struct ResourceAllocator {
    next: u64,
    groups: u32,
}

struct Vm {
    mode: Mode,
    resource_allocator: Mutex<ResourceAllocator>,
    mmio_bus: Bus,
    pio_bus: Bus,
}

impl Vm {
    fn new(mode: Mode) -> Self {
        let vm = Vm {
            mode,
            resource_allocator: Mutex::default(),
            mmio_bus: Bus::default(),
            pio_bus: Bus::default(),
        };
        vm.mmio_bus.insert(0, 0);
        vm
    }

    #[inline(never)]
    fn attach_pci_virtio_device(&self) {
        let mut allocator = self.resource_allocator.lock().unwrap();
        allocator.next += 0x1000;
        let base = allocator.next;
        linger();
        if self.mode == Mode::Fixed {
            drop(allocator);
            self.mmio_bus.insert(base, 1);
            return;
        }
        self.mode.meet();
        self.mmio_bus.insert(base, 1);
    }

    #[inline(never)]
    fn create_msix_group(&self) {
        self.resource_allocator.lock().unwrap().groups += 1;
    }
}

#[inline(never)]
fn vcpu_run(vm: &Vm, number: u32) {
    vm.mode.turn(number);
    if vm.mode != Mode::Readers {
        vm.mmio_bus.write(vm, 0);
    } else if number % 2 == 0 {
        vm.mmio_bus.read(&vm.pio_bus);
    } else {
        vm.pio_bus.read(&vm.mmio_bus);
    }
    TURN.fetch_add(1, SeqCst);
}

fn start_vcpu(vm: &Arc<Vm>, number: u32) -> JoinHandle<()> {
    let vm = vm.clone();
    let vcpu = Builder::new().name(format!("fc_vcpu {}", number));
    vcpu.spawn(move || vcpu_run(&vm, number)).unwrap()
}

fn main() {
    let mode = Mode::from_name(&std::env::args().nth(1).unwrap_or_else(|| "benign".into()));
    let vm = Arc::new(Vm::new(mode));
    let n_vcpus = if mode == Mode::Readers { 4 } else { 1 };
    let vcpus: Vec<_> = (0..n_vcpus).map(|number| start_vcpu(&vm, number)).collect();
    mode.turn(n_vcpus);
    if mode != Mode::Readers {
        vm.attach_pci_virtio_device();
    }
    for vcpu in vcpus {
        vcpu.join().unwrap();
    }
}
