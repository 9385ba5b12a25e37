//! Has Redis accept a task, or says why it does not.

use saga::Task;
use store::{Accepted, Admission, Idempotency, Rate, Redis};

use crate::api::Api;
use crate::call::Call;
use crate::idempotency::{IdempotencyKey, digest};
use crate::nodes::Nodes;
use crate::problem::Problem;
use crate::problem_kinds;
use crate::submission::SubmittedTask;

/// A task that was accepted, now or before.
pub(crate) struct AcceptedTask {
    pub(crate) task_id: String,
    /// Whether an earlier request with the same idempotency key was accepted as this task.
    pub(crate) replayed: bool,
}

impl<R: Redis, C, N: Nodes> Api<R, C, N> {
    /// Accepts a task, once for each idempotency key, unless the nodes cannot hold such a group.
    pub(crate) async fn accept(
        &self,
        call: &Call<'_>,
        submitted: SubmittedTask,
        key: Option<&IdempotencyKey>,
    ) -> Result<AcceptedTask, Problem> {
        self.nodes.check_group_id(&submitted.group_id)?;
        let settings = &self.settings;
        let task_id = (self.new_id)().to_string();
        let digest = key.map(|_| digest(&submitted)).unwrap_or_default();
        let key = key.map(|key| key.of_caller(&call.caller.name));
        let callback_url = submitted.callback_url;
        let task = Task::new(
            task_id.clone(),
            submitted.operation,
            submitted.group_id,
            settings.nodes.clone(),
            submitted.policy,
        );
        let admission = Admission {
            max_queue: settings.max_queue,
            idempotency: key.as_deref().map(|key| Idempotency {
                key,
                digest: &digest,
                ttl_s: settings.idempotency_ttl_s,
            }),
            rate: settings
                .rate_limit
                .map(|per_second| Rate { caller: &call.caller.name, per_second }),
            callback: callback_url.as_deref(),
        };
        match self.store.accept(&task, admission).await? {
            Accepted::Yes => Ok(AcceptedTask { task_id, replayed: false }),
            Accepted::Repeated { task_id } => Ok(AcceptedTask { task_id, replayed: true }),
            Accepted::KeyReused => Err(Problem::plain(&problem_kinds::KEY_REUSED)),
            Accepted::TooFast => Err(Problem::plain(&problem_kinds::TOO_FAST)),
            Accepted::Full { waiting } => {
                let detail = format!("{waiting} tasks wait to be started. Nothing was accepted.");
                Err(Problem::new(&problem_kinds::QUEUE_FULL, detail))
            }
        }
    }
}
