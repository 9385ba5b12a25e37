//! What processes cost: memory and processor time, as Linux tells it.

use std::fs;

/// What a process, or a group of them, has used.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    /// Resident memory now, in bytes.
    pub(crate) memory: f64,
    /// Processor time so far, in seconds.
    pub(crate) cpu: f64,
}

/// Of one process.
pub(crate) fn of_process(id: u32) -> Usage {
    stat(id).map(|(_, usage)| usage).unwrap_or_default()
}

/// Of all processes of a group: a host may be more than one.
pub(crate) fn of_group(group: u32) -> Usage {
    let ids = fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = ids.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let members = ids.filter_map(stat).filter(|(own, _)| *own == group).map(|(_, usage)| usage);
    members.fold(Usage::default(), |sum, one| Usage {
        memory: sum.memory + one.memory,
        cpu: sum.cpu + one.cpu,
    })
}

/// Processor time so far, in seconds, of everything that runs on this machine.
pub(crate) fn of_machine() -> f64 {
    let text = fs::read_to_string("/proc/stat").unwrap_or_default();
    let line = text.lines().next().unwrap_or_default();
    let times: Vec<f64> = line.split_whitespace().filter_map(|time| time.parse().ok()).collect();
    // user, nice, system, idle, iowait, irq, softirq; what follows is not this machine's, or is
    // among these already.
    let busy = times.iter().take(7).enumerate().filter(|(place, _)| !matches!(place, 3 | 4));
    busy.map(|(_, time)| time).sum::<f64>() / ticks_per_second()
}

fn ticks_per_second() -> f64 {
    // SAFETY: `sysconf` takes and gives plain numbers.
    unsafe { libc::sysconf(libc::_SC_CLK_TCK) as f64 }
}

/// The group and usage of a process, from `/proc/ID/stat`.
fn stat(id: u32) -> Option<(u32, Usage)> {
    let text = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The program's name is in brackets and may hold spaces.
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let field = |place: usize| fields.get(place - 3)?.parse::<f64>().ok();
    let group = fields.get(2)?.parse().ok()?;
    // SAFETY: `sysconf` takes and gives plain numbers.
    let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    let memory = field(24)? * page as f64;
    Some((group, Usage { memory, cpu: (field(14)? + field(15)?) / ticks_per_second() }))
}
