//! Monitoring, as it asks: `/readyz` and `/metrics` over the real routes, whose answers are held against
//! the truth at that instant.

use std::cell::RefCell;
use std::future::{Future, ready};
use std::rc::Rc;

use clock::Clock;
use http::{Request, StatusCode};
use node_adapter::ClusterManager;
use routes::{Api, Body, Incoming, NoNodes};
use serde_json::Value;
use settings::{Access, ApiSettings};
use store::Store;

use crate::checker::Truth;
use crate::client::TASK_TTL_S;
use crate::connection::Connection;
use crate::world::World;

/// The API's own clock, which neither route reads.
struct NoClock;

impl Clock for NoClock {
    fn now_ms(&self) -> u64 {
        0
    }

    fn sleep(&self, _: u64) -> impl Future<Output = ()> {
        ready(())
    }
}

impl World {
    /// Starts a monitor, which asks all the time.
    pub(crate) fn start_monitor(self: &Rc<Self>) {
        let world = Rc::clone(self);
        self.executor.spawn(async move {
            while !world.desk.borrow().is_closed {
                let ms = world.between(1, 1_000);
                world.executor.sleep(ms).await;
                world.probe().await;
            }
        });
    }

    /// Asks for `/readyz` and `/metrics` and checks what they say.
    pub(crate) async fn probe(self: &Rc<Self>) {
        if let Some((body, truth)) = self.get("/readyz").await {
            self.report.borrow_mut().count("/readyz asked", 1);
            if truth.is_full {
                let what = "/readyz says ready, and Redis stores nothing".to_owned();
                self.checker.borrow_mut().violate(what);
            }
            let ready: Value = serde_json::from_str(&body).unwrap_or_default();
            for (field, actual) in
                [("waiting", truth.waiting), ("dead_letters", truth.dead_letters)]
            {
                self.compare("/readyz", field, ready[field].as_u64(), actual);
            }
            let warnings = ready["warnings"].as_array().cloned().unwrap_or_default();
            let says = |warning: &str| u64::from(warnings.iter().any(|said| said == warning));
            let refused = says("wake_ups_refused");
            self.compare("/readyz", "wake-ups refused", Some(refused), truth.is_mute.into());
        }
        if let Some((body, truth)) = self.get("/metrics").await {
            self.report.borrow_mut().count("/metrics asked", 1);
            let sample = |name: &str| {
                let mut lines = body.lines();
                lines.find_map(|line| {
                    line.strip_prefix(name)?.strip_prefix(' ')?.parse::<u64>().ok()
                })
            };
            self.compare("/metrics", "waiting", sample("muster_tasks_waiting"), truth.waiting);
            let begun = ["tasks_running", "tasks_delayed", "tasks_begun_ready", "rollbacks_ready"];
            let begun = begun.map(|gauge| sample(&format!("muster_{gauge}")));
            let begun = begun.into_iter().sum::<Option<u64>>();
            self.compare("/metrics", "begun", begun, truth.begun);
            self.compare("/metrics", "letters", sample("muster_dead_letters"), truth.dead_letters);
            for (state, ended) in &truth.ended {
                let name = format!("muster_tasks_ended_total{{state=\"{state}\"}}");
                self.compare("/metrics", &name, sample(&name), *ended);
            }
        }
    }

    fn compare(&self, route: &str, what: &str, said: Option<u64>, actual: u64) {
        if said != Some(actual) {
            let what = format!("{route} says {said:?} of {what}, and it is {actual}");
            self.checker.borrow_mut().violate(what);
        }
    }

    /// The body of an answer, and the truth when Redis was asked; `None` when Redis could not answer.
    async fn get(self: &Rc<Self>, path: &str) -> Option<(String, Truth)> {
        let connection = Connection::open(self, None);
        let seen: Rc<RefCell<Option<Truth>>> = connection.truth();
        let api = Api {
            store: Store::new(connection),
            settings: settings(),
            worker_settings: || Ok(()),
            nodes: NoNodes(|| Ok(ClusterManager::default())),
            clock: NoClock,
            new_id: uuid::Uuid::nil,
        };
        let request = Request::get(path).body(Vec::new()).ok()?;
        let access = Access { tokens: Ok(Vec::new()), origins: Ok(Vec::new()) };
        let incoming = Incoming { request, unread: None };
        let reply = routes::answer(incoming, &access, || Ok(api)).await;
        let truth = seen.borrow_mut().take()?;
        let status = reply.status();
        let Body::Whole(body) = reply.into_body() else { return None };
        let body = String::from_utf8_lossy(&body).into_owned();
        match status {
            StatusCode::OK => Some((body, truth)),
            // The answer was lost after all.
            StatusCode::SERVICE_UNAVAILABLE => None,
            _ => {
                self.checker.borrow_mut().violate(format!("{path} answers {status}: {body}"));
                None
            }
        }
    }
}

fn settings() -> ApiSettings {
    ApiSettings {
        nodes: vec!["n0".to_owned()],
        policy: saga::Policy::default(),
        max_queue: 10,
        task_ttl_s: TASK_TTL_S,
        idempotency_ttl_s: TASK_TTL_S,
        rate_limit: None,
        callback_hosts: None,
    }
}
