//! `cargo xtask up --demo`: the story of a create, a rollback and a dead letter.

use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use serde_json::{Value, json};

use crate::process::interrupted;

/// Settings that keep the story short.
pub(crate) const RETRY_DELAY: &str = "1";
pub(crate) const MAX_RETRIES: &str = "2";

const DEADLINE: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(50);

struct Demo<'a> {
    base: &'a str,
    http: ureq::Agent,
}

/// Tells the story; fails when anything is not as told.
pub(crate) fn run(base: &str, nodes: &[String]) -> anyhow::Result<ExitCode> {
    let [first, .., last] = nodes else { bail!("the demo needs at least two nodes") };
    let http = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let demo = Demo { base, http };

    demo.title("1. A group is created on every node");
    let task = demo.submit("create", "blue")?;
    demo.follow(&task, "SUCCESS")?;
    demo.groups(nodes)?;

    demo.title("2. A node fails, and the others are put back");
    demo.fault(last, "create")?;
    let task = demo.submit("create", "green")?;
    demo.follow(&task, "FAILURE")?;
    demo.groups(nodes)?;

    demo.title("3. The rollback fails as well, again and again: a dead letter is left");
    demo.fault(first, "delete")?;
    let task = demo.submit("create", "red")?;
    demo.follow(&task, "FAILURE")?;
    demo.groups(nodes)?;
    let dead_letters = demo.get("/dead-letters")?;
    let dead_letter = dead_letters.pointer("/dead_letters/0").context("there is no dead letter")?;
    let text =
        |field: &str| dead_letter.get(field).and_then(Value::as_str).unwrap_or("?").to_owned();
    println!("  dead letter {}", text("id"));
    println!("    node {}, group {}: {}", text("node"), text("group_id"), text("last_error"));

    demo.title("4. The nodes are well again, and a person retries the dead letter");
    for node in [first, last] {
        demo.shown("DELETE", &format!("http://{node}/control/faults"), None)?;
    }
    let path = format!("/dead-letters/{}/retry", text("id"));
    let accepted = demo.shown("POST", &format!("{base}{path}"), None)?;
    demo.follow(&task_id(&accepted)?, "SUCCESS")?;
    demo.groups(nodes)?;
    let left = demo.get("/dead-letters")?;
    let is_it = |other: &Value| other.get("id") == dead_letter.get("id");
    if left.pointer("/dead_letters").and_then(Value::as_array).is_none_or(|l| l.iter().any(is_it)) {
        bail!("the dead letter is still there: {left}");
    }
    println!("\nThe dead letter is gone, and every node holds what it should.");
    Ok(ExitCode::SUCCESS)
}

impl Demo<'_> {
    fn title(&self, title: &str) {
        println!("\n{title}\n");
    }

    /// Sends a request and shows it as the curl command that does the same.
    fn shown(&self, method: &str, url: &str, body: Option<&Value>) -> anyhow::Result<Value> {
        let data = body.map(|body| format!(" -d '{body}'")).unwrap_or_default();
        let verb = if method == "POST" && body.is_some() {
            String::new()
        } else {
            format!(" -X {method}")
        };
        println!("  $ curl -s{verb} {url}{data}");
        self.send(method, url, body)
    }

    fn send(&self, method: &str, url: &str, body: Option<&Value>) -> anyhow::Result<Value> {
        let mut response = match (method, body) {
            ("GET", _) => self.http.get(url).call(),
            ("DELETE", _) => self.http.delete(url).call(),
            (_, Some(body)) => self.http.post(url).send_json(body),
            (_, None) => self.http.post(url).send_empty(),
        }
        .with_context(|| format!("{method} {url}"))?;
        let status = response.status();
        let text = response.body_mut().read_to_string()?;
        if !status.is_success() {
            bail!("{method} {url} answered {status}: {text}");
        }
        Ok(serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.send("GET", &format!("{}{path}", self.base), None)
    }

    fn submit(&self, operation: &str, group_id: &str) -> anyhow::Result<String> {
        let url = format!("{}/groups/{operation}", self.base);
        task_id(&self.shown("POST", &url, Some(&json!({ "group_id": group_id })))?)
    }

    /// Makes a node answer 500 to every call of a kind.
    fn fault(&self, node: &str, on: &str) -> anyhow::Result<()> {
        let rule = json!({ "on": on, "fault": { "kind": "answer", "status": 500 } });
        self.shown("POST", &format!("http://{node}/control/faults"), Some(&rule)).map(drop)
    }

    /// Prints a task's timeline as it grows, until the task ends in `expected`.
    fn follow(&self, task_id: &str, expected: &str) -> anyhow::Result<()> {
        println!("  $ curl -s {}/groups/task/{task_id}", self.base);
        let deadline = Instant::now() + DEADLINE;
        let mut printed = 0;
        loop {
            let task = self.get(&format!("/groups/task/{task_id}"))?;
            let history = task.get("history").and_then(Value::as_array);
            for entry in history.into_iter().flatten().skip(printed) {
                println!("{}", timeline_line(entry));
                printed += 1;
            }
            if task.get("finished_at").is_some_and(|at| !at.is_null()) {
                let state = task.get("state").and_then(Value::as_str).unwrap_or("?");
                println!("    state {state}");
                if state != expected {
                    bail!("task {task_id} ended as {state}, not {expected}");
                }
                return Ok(());
            }
            if interrupted() {
                bail!("interrupted");
            }
            if Instant::now() > deadline {
                bail!("task {task_id} did not end within {} s", DEADLINE.as_secs());
            }
            thread::sleep(POLL);
        }
    }

    /// Prints what each node holds.
    fn groups(&self, nodes: &[String]) -> anyhow::Result<()> {
        for node in nodes {
            let groups = self.send("GET", &format!("http://{node}/v1/group/"), None)?;
            println!("    node {node} holds {groups}");
        }
        Ok(())
    }
}

fn task_id(accepted: &Value) -> anyhow::Result<String> {
    let id = accepted.get("task_id").and_then(Value::as_str);
    id.map(str::to_owned).with_context(|| format!("no task_id in {accepted}"))
}

/// One entry of a timeline: the time of day, what happened, where, and why.
fn timeline_line(entry: &Value) -> String {
    let text = |field: &str| entry.get(field).and_then(Value::as_str).unwrap_or_default();
    let at = text("at");
    let time = at.split('T').nth(1).unwrap_or(at).trim_end_matches('Z');
    let line = format!("    {time}  {:<26} {:<15} {}", text("event"), text("node"), text("detail"));
    line.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeline_line_has_time_event_node_and_reason() {
        let entry = json!({
            "at": "2026-01-31T12:00:00.250Z", "event": "refused", "node": "127.0.0.1:8003",
            "detail": "create answered 403"
        });
        let line = timeline_line(&entry);
        let expected = "    12:00:00.250  refused                    127.0.0.1:8003  \
                        create answered 403";
        assert_eq!(line, expected);
        let short = json!({ "at": "2026-01-31T12:00:00.250Z", "event": "accepted", "node": null });
        assert_eq!(timeline_line(&short), "    12:00:00.250  accepted");
    }
}
