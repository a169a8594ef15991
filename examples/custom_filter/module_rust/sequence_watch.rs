//! A filter in a shared object, in Rust without dependencies: counts a client's lost and reordered RTP packets,
//! and passes everything on. After a replacement the new code continues with the state of the old code.
//!
//! Built with:  rustc --edition 2021 -O --crate-type cdylib -o sequence_watch.so sequence_watch.rs

use std::os::raw::{c_char, c_int, c_void};
use std::ptr::null;

const ABI: u32 = 1;
const RTP: u8 = 4;
const PASS: i32 = 0;

/// The parts of api/filter_abi.h that this filter uses, and placeholders for the rest.
#[repr(C)]
pub struct HostApi {
    abi: u32,
    size: u32,
    now_ns: *const c_void,
    session_id: *const c_void,
    remote: *const c_void,
    count: extern "C" fn(*mut c_void, u32, u64),
}

#[repr(C)]
pub struct Packet {
    data: *mut u8,
    size: usize,
    headroom: usize,
    tailroom: usize,
    kind: u8,
    dscp: u8,
    ttl: u8,
}

#[repr(C)]
pub struct FilterApi {
    abi: u32,
    size: u32,
    drops: *const *const c_char,
    counters: *const *const c_char,
    histograms: *const *const c_char,
    config_new: extern "C" fn(*const c_char, usize, *mut c_char, usize) -> *mut c_void,
    config_free: *const c_void,
    worker_new: *const c_void,
    worker_free: *const c_void,
    session_new: extern "C" fn(*mut c_void, *mut c_void, *mut c_void) -> *mut c_void,
    session_free: extern "C" fn(*mut c_void),
    on_ingress: extern "C" fn(*mut c_void, *mut Packet) -> i32,
    on_egress: *const c_void,
    on_timer: *const c_void,
    session_reload: extern "C" fn(*mut c_void, *mut c_void) -> c_int,
    session_export: extern "C" fn(*const c_void, *mut u8, usize) -> usize,
    session_import: extern "C" fn(*mut c_void, *const u8, usize) -> c_int,
}
unsafe impl Sync for FilterApi {}

const fn name(text: &'static [u8]) -> *const c_char {
    text.as_ptr() as *const c_char
}

struct Names([*const c_char; 3]);
unsafe impl Sync for Names {}
static COUNTERS: Names = Names([name(b"missing\0"), name(b"reordered\0"), null()]);
const MISSING: u32 = 0;
const REORDERED: u32 = 1;

struct Session {
    handle: *mut c_void,
    host: &'static HostApi,
    highest: Option<u16>,
}

impl Session {
    fn on_rtp(&mut self, sequence: u16) {
        let count = |counter, n: u16| (self.host.count)(self.handle, counter, n.into());
        match self.highest {
            Some(highest) if sequence.wrapping_sub(highest) >= 0x8000 => count(REORDERED, 1),
            Some(highest) => {
                count(MISSING, sequence.wrapping_sub(highest).saturating_sub(1));
                self.highest = Some(sequence);
            }
            None => self.highest = Some(sequence),
        }
    }
}

static mut HOST: *const HostApi = null();

extern "C" fn config_new(_: *const c_char, _: usize, _: *mut c_char, _: usize) -> *mut c_void {
    FILTER.0.as_ptr() as *mut c_void // nothing to configure, but not null
}

extern "C" fn session_new(handle: *mut c_void, _: *mut c_void, _: *mut c_void) -> *mut c_void {
    let host = unsafe { &*HOST };
    Box::into_raw(Box::new(Session {
        handle,
        host,
        highest: None,
    })) as *mut c_void
}

extern "C" fn session_free(session: *mut c_void) {
    drop(unsafe { Box::from_raw(session as *mut Session) });
}

extern "C" fn on_ingress(session: *mut c_void, packet: *mut Packet) -> i32 {
    let (session, packet) = unsafe { (&mut *(session as *mut Session), &*packet) };
    let data = unsafe { std::slice::from_raw_parts(packet.data, packet.size) };
    if packet.kind == RTP && data.len() >= 12 {
        session.on_rtp(u16::from_be_bytes([data[2], data[3]]));
    }
    PASS
}

extern "C" fn session_reload(_: *mut c_void, _: *mut c_void) -> c_int {
    0
}

extern "C" fn session_export(session: *const c_void, out: *mut u8, capacity: usize) -> usize {
    let state: Vec<u8> = match unsafe { &*(session as *const Session) }.highest {
        Some(highest) => highest.to_be_bytes().to_vec(),
        None => Vec::new(),
    };
    if state.len() <= capacity {
        unsafe { std::ptr::copy_nonoverlapping(state.as_ptr(), out, state.len()) };
    }
    state.len()
}

extern "C" fn session_import(session: *mut c_void, data: *const u8, size: usize) -> c_int {
    let session = unsafe { &mut *(session as *mut Session) };
    session.highest = match unsafe { std::slice::from_raw_parts(data, size) } {
        [] => None,
        [high, low] => Some(u16::from_be_bytes([*high, *low])),
        _ => return -1,
    };
    0
}

struct Table([FilterApi; 1]);
static FILTER: Table = Table([FilterApi {
    abi: ABI,
    size: std::mem::size_of::<FilterApi>() as u32,
    drops: null(),
    counters: COUNTERS.0.as_ptr(),
    histograms: null(),
    config_new,
    config_free: null(),
    worker_new: null(),
    worker_free: null(),
    session_new,
    session_free,
    on_ingress,
    on_egress: null(),
    on_timer: null(),
    session_reload,
    session_export,
    session_import,
}]);

#[no_mangle]
pub extern "C" fn sluice_filter(host: &'static HostApi) -> *const FilterApi {
    if host.abi != ABI {
        return null();
    }
    unsafe { HOST = host };
    FILTER.0.as_ptr()
}
