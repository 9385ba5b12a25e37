//! Accepted tasks and status polls, beside the probe on the same host.

use std::time::Duration;

use testkit_app::App;

use crate::lab::Lab;
use crate::load::{Load, Outcome, request};
use crate::nodes::Nodes;
use crate::options::Options;
use crate::report::Report;
use crate::usage;

const SECTION: &str = "Requests";
const COST: &str = "Processor time of a request";
const GENERATOR: &str = "Load generator";
/// The number of connections at which processor time is looked at.
const COSTED: usize = 16;
/// Tasks to ask for.
const POLLED: usize = 1_000;
/// In so many turns the kinds of request take their time, so that a machine which is busy for some
/// seconds is so for all of them.
const TURNS: u32 = 6;

/// A kind of request, and what came of it.
struct Kind<'a> {
    name: &'static str,
    status: u16,
    request: Box<dyn Fn(usize) -> Vec<u8> + Send + Sync + 'a>,
    outcome: Outcome,
    host_cpu: f64,
    redis_cpu: f64,
}

impl<'a> Kind<'a> {
    fn new(
        name: &'static str,
        status: u16,
        request: impl Fn(usize) -> Vec<u8> + Send + Sync + 'a,
    ) -> Self {
        let request = Box::new(request);
        Self { name, status, request, outcome: Outcome::default(), host_cpu: 0.0, redis_cpu: 0.0 }
    }

    fn get(name: &'static str, path: &'static str) -> Self {
        Self::new(name, 202, move |_| request("GET", path, ""))
    }

    /// Sends for `time`. Requests are numbered on from those of the turns before.
    fn turn(
        &mut self,
        lab: &Lab,
        app: &App,
        connections: usize,
        time: Duration,
        turn: u32,
    ) -> anyhow::Result<()> {
        let (host, redis) = (usage::of_group(app.process_id()).cpu, lab.redis_usage()?.cpu);
        let load = Load {
            address: app.address().to_owned(),
            connections,
            time,
            status: self.status,
            first: turn as usize * 10_000_000,
        };
        self.outcome.merge(load.run(&self.request)?);
        self.host_cpu += usage::of_group(app.process_id()).cpu - host;
        self.redis_cpu += lab.redis_usage()?.cpu - redis;
        Ok(())
    }

    fn report(&self, connections: usize, report: &mut Report) {
        let name = format!("{}, {connections} conn.", self.name);
        report.add(SECTION, &name, "/s", self.outcome.rate());
        report.add(SECTION, format!("{name}, p50"), "ms", self.outcome.quantile(0.5));
        report.add(SECTION, format!("{name}, p99"), "ms", self.outcome.quantile(0.99));
        if connections == COSTED {
            let each = |seconds: f64| seconds * 1e6 / self.outcome.count();
            report.add(COST, format!("{name}, host"), "µs", each(self.host_cpu));
            report.add(COST, format!("{name}, Redis"), "µs", each(self.redis_cpu));
        }
    }
}

pub(crate) fn measure(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    generator(options, report)?;
    for connections in [1, 16, 64] {
        // No worker: what is measured is the API alone.
        let lab = Lab::new(options, 3)?;
        let app = lab.app(&["api"])?;
        let ids = lab.accept(options.pick(POLLED, 50))?;
        let mut kinds = [
            Kind::get("bare handler", "/probe/empty"),
            Kind::get("… opens Redis", "/probe/connect"),
            Kind::get("… and runs an empty EVAL", "/probe/nothing"),
            Kind::get("… and runs one EVAL (push, publish, incr)", "/probe/eval"),
            Kind::new("accept", 202, |number| {
                request("POST", "/groups/create", &format!("{{\"group_id\":\"load-{number}\"}}"))
            }),
            Kind::new("status poll", 200, |number| {
                request("GET", &format!("/groups/task/{}", ids[number % ids.len()]), "")
            }),
        ];
        // The first instances of a component are slower than the rest, so the first turn is thrown
        // away.
        for turn in 0..=TURNS {
            let time = options.load_time() / TURNS;
            for kind in &mut kinds {
                kind.turn(&lab, &app, connections, time, turn)?;
                if turn == 0 {
                    (kind.outcome, kind.host_cpu, kind.redis_cpu) = (Outcome::default(), 0.0, 0.0);
                }
            }
        }
        kinds.iter().for_each(|kind| kind.report(connections, report));
        let [.., eval, accept, poll] = &kinds;
        for kind in [accept, poll] {
            let name = format!("{} ÷ bare EVAL handler, {connections} conn.", kind.name);
            report.ratio(name, kind.outcome.rate(), eval.outcome.rate());
        }
    }
    Ok(())
}

/// The load generator against a server that does next to nothing.
fn generator(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    let nodes = Nodes::start(1)?;
    for connections in [1, 16, 64] {
        let load = Load {
            address: nodes.addresses[0].clone(),
            connections,
            time: options.load_time(),
            status: 404,
            first: 0,
        };
        let outcome = load.run(&|_| request("GET", "/v1/group/none", ""))?;
        let name = format!("against a bare tokio server, {connections} conn.");
        report.add(GENERATOR, name, "/s", outcome.rate());
    }
    Ok(())
}
