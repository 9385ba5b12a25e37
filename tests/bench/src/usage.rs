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

/// The group and usage of a process, from `/proc/ID/stat`.
fn stat(id: u32) -> Option<(u32, Usage)> {
    let text = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The program's name is in brackets and may hold spaces.
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let field = |place: usize| fields.get(place - 3)?.parse::<f64>().ok();
    let group = fields.get(2)?.parse().ok()?;
    // SAFETY: `sysconf` takes and gives plain numbers.
    let (ticks, page) =
        unsafe { (libc::sysconf(libc::_SC_CLK_TCK), libc::sysconf(libc::_SC_PAGESIZE)) };
    let memory = field(24)? * page as f64;
    Some((group, Usage { memory, cpu: (field(14)? + field(15)?) / ticks as f64 }))
}
