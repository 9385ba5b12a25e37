//! `GET /metrics`: how things stand, as Prometheus reads it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use clock::Clock;
use drain::BOUNDS_MS;
use http::Method;
use saga::ClientState;
use settings::Role;
use store::{Overview, Redis};

use crate::api::Api;
use crate::call::Call;
use crate::endpoint::Endpoint;
use crate::nodes::Nodes;
#[cfg(feature = "openapi")]
use crate::openapi::Description;
use crate::problem::Problem;
use crate::reply::{Body, Reply};
use crate::success::typed;

const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

pub(crate) struct ShowMetrics;

impl Endpoint for ShowMetrics {
    const METHOD: Method = Method::GET;
    const PATH: &'static str = "/metrics";
    const ROLE: Option<Role> = Some(Role::Read);

    async fn answer<R, C, N>(api: Api<R, C, N>, call: &Call<'_>) -> Result<Reply, Problem>
    where
        R: Redis + 'static,
        C: Clock + 'static,
        N: Nodes,
    {
        call.query(&[])?;
        let mut overview = api.store.overview().await?;
        overview.metrics = api.store.metrics().await?;
        Ok(typed(CONTENT_TYPE, Body::Whole(exposition(&overview).into_bytes())))
    }

    #[cfg(feature = "openapi")]
    fn describe(route: Description<'_>) -> Description<'_> {
        route.named("Metrics", "Metrics for Prometheus").text(
            200,
            CONTENT_TYPE,
            "Prometheus's text format.",
        )
    }
}

/// Prometheus's text format.
struct Text(String);

impl Text {
    /// Begins a metric.
    fn metric(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a string never fails.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl std::fmt::Display) {
        let labels: Vec<String> =
            labels.iter().map(|(label, text)| format!("{label}=\"{}\"", escape(text))).collect();
        let labels =
            if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        let _ = writeln!(self.0, "{name}{labels} {value}");
    }

    fn gauge(&mut self, name: &str, help: &str, value: u64) {
        self.metric(name, "gauge", help);
        self.sample(name, &[], value);
    }

    fn counter(&mut self, name: &str, help: &str, value: u64) {
        self.metric(name, "counter", help);
        self.sample(name, &[], value);
    }

    /// A histogram whose buckets are the fields `<field>|<bound in ms>` of `metrics`. Every bucket is
    /// there, empty or not: rates between two scrapes need both to have the same.
    fn histogram(&mut self, name: &str, help: &str, field: &str, metrics: &BTreeMap<String, u64>) {
        self.metric(name, "histogram", help);
        let prefix = format!("{field}|");
        let mut buckets: BTreeMap<u64, u64> =
            BOUNDS_MS.into_iter().map(|bound| (bound, 0)).collect();
        let mut beyond = 0_u64;
        let mut sum_ms = 0;
        for (key, count) in metrics {
            match key.strip_prefix(&prefix) {
                Some("sum") => sum_ms = *count,
                Some(bound) => match bound.parse() {
                    Ok(bound) => *buckets.entry(bound).or_default() = *count,
                    Err(_) => beyond = *count,
                },
                None => {}
            }
        }
        let mut total = 0_u64;
        for (bound, count) in buckets {
            total = total.saturating_add(count);
            self.sample(&format!("{name}_bucket"), &[("le", &seconds(bound))], total);
        }
        let total = total.saturating_add(beyond);
        self.sample(&format!("{name}_bucket"), &[("le", "+Inf")], total);
        self.sample(&format!("{name}_sum"), &[], seconds(sum_ms));
        self.sample(&format!("{name}_count"), &[], total);
    }
}

/// Milliseconds as seconds, for example `0.25`.
fn seconds(ms: u64) -> String {
    let text = format!("{}.{:03}", ms / 1_000, ms % 1_000);
    let text = text.trim_end_matches('0').trim_end_matches('.');
    text.to_owned()
}

fn escape(label: &str) -> String {
    label.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

fn exposition(overview: &Overview) -> String {
    let mut text = Text(String::new());
    text.gauge("muster_tasks_waiting", "Tasks that have not been started.", overview.waiting);
    text.gauge("muster_tasks_running", "Tasks that a worker has in hand.", overview.running);
    text.gauge("muster_tasks_delayed", "Tasks delayed until a retry is due.", overview.delayed);
    text.gauge(
        "muster_tasks_awaiting_late_calls",
        "Of the delayed tasks, those that wait for calls which were given up on.",
        overview.awaiting_late_calls,
    );
    text.gauge(
        "muster_newer_records",
        "Tasks that workers leave alone, since a newer Muster wrote their records.",
        overview.newer_records,
    );
    text.gauge(
        "muster_tasks_begun_ready",
        "Tasks going forward, or to be taken alone, that wait for a worker to go on.",
        overview.begun,
    );
    text.gauge(
        "muster_rollbacks_ready",
        "Tasks rolling back that wait for a worker to go on.",
        overview.rollback,
    );
    text.gauge(
        "muster_dead_letters",
        "Dead letters that wait for a person.",
        overview.dead_letters,
    );
    text.gauge("muster_callbacks_waiting", "Callbacks yet to be delivered.", overview.callbacks);
    text.gauge(
        "muster_callbacks_given_up",
        "Callbacks that were tried too often.",
        overview.callbacks_given_up,
    );
    text.metric("muster_breaker_open", "gauge", "1 for a node that is left alone for a moment.");
    for node in overview.open_breakers.keys() {
        text.sample("muster_breaker_open", &[("node", node)], 1);
    }
    text.gauge("muster_drains", "Workers that are at it now.", overview.drains);
    text.gauge("muster_paused", "1 while the queue is paused.", overview.paused.is_some().into());
    let oldest_ms = overview.oldest_ms.map(|oldest_ms| overview.now_ms.saturating_sub(oldest_ms));
    text.metric(
        "muster_oldest_waiting_seconds",
        "gauge",
        "How long the first task of the queue has waited.",
    );
    text.sample("muster_oldest_waiting_seconds", &[], seconds(oldest_ms.unwrap_or_default()));

    let count = |name: &str| overview.counts.get(name).copied().unwrap_or_default();
    text.metric("muster_tasks_ended_total", "counter", "Tasks that have ended, by state.");
    for state in [ClientState::Success, ClientState::Failure, ClientState::Revoked] {
        let ended = count(&format!("ended:{}", state.name()));
        text.sample("muster_tasks_ended_total", &[("state", state.name())], ended);
    }
    text.counter(
        "muster_recoveries_total",
        "Tasks taken over from a worker that was lost.",
        count("recovered"),
    );
    text.counter(
        "muster_stale_commits_total",
        "Commits refused because another worker had taken the task over.",
        count("stale"),
    );

    text.metric("muster_node_calls_total", "counter", "Calls to nodes, by verb and result.");
    for (key, calls) in &overview.metrics {
        let Some(rest) = key.strip_prefix("calls|") else { continue };
        let mut parts = rest.splitn(3, '|');
        if let (Some(verb), Some(result), Some(node)) = (parts.next(), parts.next(), parts.next()) {
            let labels = [("node", node), ("verb", verb), ("result", result)];
            text.sample("muster_node_calls_total", &labels, calls);
        }
    }
    text.metric(
        "muster_late_calls_total",
        "counter",
        "Calls that a node carried out after they were given up on and it was put back.",
    );
    for (key, calls) in &overview.metrics {
        if let Some(node) = key.strip_prefix("late_calls|") {
            text.sample("muster_late_calls_total", &[("node", node)], calls);
        }
    }
    let metrics = &overview.metrics;
    text.histogram("muster_node_call_seconds", "How long calls to nodes take.", "call_ms", metrics);
    text.histogram(
        "muster_task_seconds",
        "From a task's acceptance to its end.",
        "task_ms",
        metrics,
    );
    text.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exposition_reads_as_prometheus_wants_it() {
        let mut overview = Overview { waiting: 3, now_ms: 5_250, ..Overview::default() };
        overview.oldest_ms = Some(5_000);
        overview.counts.insert("ended:SUCCESS".to_owned(), 7);
        for (name, number) in [
            ("calls|create|applied|a:\"1\"", 2),
            ("late_calls|n:1", 4),
            ("call_ms|5", 1),
            ("call_ms|10", 2),
            ("call_ms|+Inf", 1),
            ("call_ms|sum", 1_500),
        ] {
            overview.metrics.insert(name.to_owned(), number);
        }
        overview.open_breakers.insert("n:1".to_owned(), 6_000);
        let text = exposition(&overview);
        for line in [
            "muster_tasks_waiting 3",
            "muster_breaker_open{node=\"n:1\"} 1",
            "muster_oldest_waiting_seconds 0.25",
            "muster_tasks_ended_total{state=\"SUCCESS\"} 7",
            "muster_node_calls_total{node=\"a:\\\"1\\\"\",verb=\"create\",result=\"applied\"} 2",
            "muster_late_calls_total{node=\"n:1\"} 4",
            "muster_node_call_seconds_bucket{le=\"0.005\"} 1",
            "muster_node_call_seconds_bucket{le=\"0.01\"} 3",
            "muster_node_call_seconds_bucket{le=\"0.025\"} 3",
            "muster_node_call_seconds_bucket{le=\"300\"} 3",
            "muster_node_call_seconds_bucket{le=\"+Inf\"} 4",
            "muster_node_call_seconds_sum 1.5",
            "muster_node_call_seconds_count 4",
        ] {
            assert!(text.lines().any(|other| other == line), "{line} is missing from\n{text}");
        }
        let nothing = exposition(&Overview::default());
        for name in ["muster_node_call_seconds", "muster_task_seconds"] {
            for text in [&text, &nothing] {
                let buckets =
                    text.lines().filter(|line| line.starts_with(&format!("{name}_bucket")));
                assert_eq!(buckets.count(), BOUNDS_MS.len() + 1, "{name} lacks buckets in\n{text}");
            }
        }
    }
}
