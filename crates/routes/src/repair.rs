//! `POST /groups/by-id/{group_id}/repair`: a task that makes every node hold a group, or none.

use clock::Clock;
use http::Method;
use saga::Presence;
use serde_json::Value;
use settings::Role;
use store::Redis;

use crate::api::Api;
use crate::call::Call;
use crate::endpoint::Endpoint;
use crate::idempotency::IdempotencyKey;
use crate::input::{self, bad_field};
use crate::nodes::Nodes;
use crate::problem::Problem;
use crate::query::{Param, ParamKind};
use crate::reply::Reply;
use crate::submission::{SubmittedTask, TaskSettings};
use crate::success::accepted;
#[cfg(feature = "openapi")]
use crate::{idempotency, openapi::Description, problem_kinds, success::TaskAccepted};

static WANTED: Param = Param {
    name: "wanted",
    kind: ParamKind::Choice(&["present", "absent"]),
    about: "What every node should hold: the group, or not.",
};

pub(crate) struct RepairGroup;

impl Endpoint for RepairGroup {
    const METHOD: Method = Method::POST;
    const PATH: &'static str = "/groups/by-id/{group_id}/repair";
    const ROLE: Option<Role> = Some(Role::Submit);

    async fn answer<R, C, N>(api: Api<R, C, N>, call: &Call<'_>) -> Result<Reply, Problem>
    where
        R: Redis + 'static,
        C: Clock + 'static,
        N: Nodes,
    {
        let query = call.query(&[&WANTED])?;
        let wanted = match query.choice(&WANTED)? {
            Some(wanted) => Some(wanted.to_owned()),
            None => wanted_by_body(call.body()),
        };
        let wanted = wanted
            .and_then(|wanted| Presence::from_name(&wanted))
            .ok_or_else(|| bad_field("wanted must be present or absent."))?;
        let submitted = SubmittedTask {
            operation: wanted.operation(),
            group_id: input::group_id(call.parameter.clone())?,
            policy: api.settings.policy.clone(),
            own_settings: TaskSettings::default(),
            callback_url: None,
        };
        let key = IdempotencyKey::read(call)?;
        let task = api.accept(call, submitted, key.as_ref()).await?;
        accepted(task.task_id, task.replayed)
    }

    #[cfg(feature = "openapi")]
    fn describe(route: Description<'_>) -> Description<'_> {
        route
            .named("RepairGroup", "Bring every node to what it should hold")
            .about(
                "A task that creates the group wherever it is missing (wanted=present), or \
                 deletes it wherever it is (wanted=absent): all of that, or nothing.",
            )
            .query(&[&WANTED])
            .header("Idempotency-Key", idempotency::ABOUT)
            .answer::<TaskAccepted>(202, "The task is stored and will be carried out.")
            .problems(&[
                &problem_kinds::BAD_GROUP_ID,
                &problem_kinds::BAD_FIELD,
                &problem_kinds::BAD_QUERY,
                &problem_kinds::BAD_KEY,
                &problem_kinds::KEY_REUSED,
                &problem_kinds::TOO_FAST,
                &problem_kinds::QUEUE_FULL,
            ])
    }
}

fn wanted_by_body(body: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    body.get("wanted")?.as_str().map(str::to_owned)
}
