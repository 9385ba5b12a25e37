//! Draining what has queued up: how the rate and the cost of a task change with the backlog.

use std::time::Instant;

use anyhow::ensure;

use crate::lab::Lab;
use crate::native;
use crate::options::Options;
use crate::report::Report;
use crate::usage;

const SECTION: &str = "Drain, by backlog (3 nodes)";
const COST: &str = "Cost of a task (3 nodes)";
const MEMORY: &str = "Memory";

/// What a drain came to; costs are for one task.
pub(crate) struct Drained {
    /// Tasks per second.
    pub(crate) rate: f64,
    /// Processor time of the worker's process and of Redis, in microseconds.
    worker_cpu: f64,
    redis_cpu: f64,
    /// The same of everything on the machine, nodes included.
    machine_cpu: f64,
    /// Round trips of the worker, and commands in all, the scripts' own included.
    round_trips: f64,
    commands: f64,
    /// Bytes to and from Redis.
    bytes_in: f64,
    bytes_out: f64,
    /// Resident memory after it, in MB.
    worker_memory: f64,
    redis_memory: f64,
}

pub(crate) fn measure(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    for tasks in options.pick([2_000, 20_000, 100_000], [20, 40, 60]) {
        let native = native(&Lab::new(options, 3)?, tasks, true)?;
        let worker = component(&Lab::new(options, 3)?, tasks, true)?;
        report.add(SECTION, format!("{tasks} tasks: worker"), "tasks/s", worker.rate);
        report.add(SECTION, format!("{tasks} tasks: native loop"), "tasks/s", native.rate);
        report.ratio(
            format!("drain, {tasks} tasks: worker ÷ native loop"),
            worker.rate,
            native.rate,
        );
        for (unit, name, value) in [
            ("µs", "processor time of the host", worker.worker_cpu),
            ("µs", "processor time of Redis", worker.redis_cpu),
            ("µs", "processor time of all there is, with the worker", worker.machine_cpu),
            ("µs", "processor time of all there is, with the native loop", native.machine_cpu),
            ("", "round trips of the worker", worker.round_trips),
            ("", "Redis commands, scripts' own included", worker.commands),
            ("B", "bytes to Redis", worker.bytes_in),
            ("B", "bytes from Redis", worker.bytes_out),
        ] {
            report.add(COST, format!("{name}, {tasks} tasks"), unit, value);
        }
        report.add(MEMORY, format!("host after {tasks} tasks"), "MB", worker.worker_memory);
        report.add(MEMORY, format!("Redis after {tasks} tasks"), "MB", worker.redis_memory);
        let own = usage::of_process(std::process::id()).memory / 1e6;
        report.add(MEMORY, format!("bench and nodes after {tasks} tasks"), "MB", own);
    }
    Ok(())
}

/// Queues tasks, has the worker component drain them and times it.
pub(crate) fn component(lab: &Lab, tasks: usize, succeed: bool) -> anyhow::Result<Drained> {
    lab.accept(tasks)?;
    let app = lab.app(&["worker"])?;
    drained(
        lab,
        tasks,
        succeed,
        || usage::of_group(app.process_id()),
        || {
            lab.wake()?;
            lab.wait_for(tasks)
        },
    )
}

/// Queues tasks, has the native loop drain them and times it.
pub(crate) fn native(lab: &Lab, tasks: usize, succeed: bool) -> anyhow::Result<Drained> {
    lab.accept(tasks)?;
    let own = || usage::of_process(std::process::id());
    drained(lab, tasks, succeed, own, || {
        let report = native::drain(lab.redis.port(), lab.limits())?;
        ensure!(report.ended == tasks as u64, "the native loop ended {} tasks", report.ended);
        Ok(())
    })
}

fn drained(
    lab: &Lab,
    tasks: usize,
    succeed: bool,
    worker: impl Fn() -> usage::Usage,
    drain: impl FnOnce() -> anyhow::Result<()>,
) -> anyhow::Result<Drained> {
    lab.reset_statistics()?;
    let network =
        || anyhow::Ok((lab.info("total_net_input_bytes")?, lab.info("total_net_output_bytes")?));
    let (before_in, before_out) = network()?;
    let (worker_before, redis_before) = (worker(), lab.redis_usage()?);
    let machine_before = usage::of_machine();
    let started = Instant::now();
    drain()?;
    let elapsed = started.elapsed().as_secs_f64();
    let machine_after = usage::of_machine();
    let (worker_after, redis_after) = (worker(), lab.redis_usage()?);
    let (after_in, after_out) = network()?;
    ensure!(lab.all_succeeded(tasks)? == succeed, "the tasks did not end as they should");
    let each = |value: f64| value / tasks as f64;
    Ok(Drained {
        rate: tasks as f64 / elapsed,
        worker_cpu: each((worker_after.cpu - worker_before.cpu) * 1e6),
        redis_cpu: each((redis_after.cpu - redis_before.cpu) * 1e6),
        machine_cpu: each((machine_after - machine_before) * 1e6),
        round_trips: each(lab.command_count(Some("evalsha"))?),
        commands: each(lab.command_count(None)?),
        bytes_in: each(after_in - before_in),
        bytes_out: each(after_out - before_out),
        worker_memory: worker_after.memory / 1e6,
        redis_memory: redis_after.memory / 1e6,
    })
}
