//! What the process takes of the machine, under the names that Prometheus's own libraries use.

use std::fs;
use std::time::UNIX_EPOCH;

use super::book::Book;
use super::reading::{Growing, Varying};

pub(super) fn register(book: &mut Book) {
    let started = UNIX_EPOCH.elapsed().map_or(0.0, |since| since.as_secs_f64());
    book.readings::<Varying, 0>("process_start_time_seconds", &[], "When it started, since 1970")
        .read([], move || started);
    book.readings::<Varying, 0>("process_resident_memory_bytes", &[], "Memory that it holds")
        .read([], || resident().unwrap_or(f64::NAN));
    book.readings::<Varying, 0>("process_open_fds", &[], "Open files and sockets")
        .read([], || open_files().unwrap_or(f64::NAN));
    book.readings::<Growing, 0>("process_cpu_seconds", &[], "Processor time that it took")
        .read([], || processor_time().unwrap_or(f64::NAN));
}

/// The second number of `/proc/self/statm`, in pages.
fn resident() -> Option<f64> {
    let text = fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u32 = text.split(' ').nth(1)?.parse().ok()?;
    let page = u32::try_from(rustix::param::page_size()).ok()?;
    Some(f64::from(pages) * f64::from(page))
}

fn open_files() -> Option<f64> {
    // Looking opens one more.
    let number = fs::read_dir("/proc/self/fd").ok()?.count().saturating_sub(1);
    u32::try_from(number).ok().map(f64::from)
}

/// User and system time, of `/proc/self/stat`, in ticks. The name of the program, in brackets, may hold anything.
fn processor_time() -> Option<f64> {
    let text = fs::read_to_string("/proc/self/stat").ok()?;
    let (_, fields) = text.rsplit_once(") ")?;
    let mut fields = fields.split(' ').skip(11);
    let (user, system): (f64, f64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    let ticks = u32::try_from(rustix::param::clock_ticks_per_second()).ok()?;
    Some((user + system) / f64::from(ticks))
}
