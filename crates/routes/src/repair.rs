//! `POST /groups/by-id/{group_id}/repair`: a task that makes every node hold a group, or none.

use clock::Clock;
use http::Method;
use saga::Presence;
use settings::Role;
use store::Redis;

use crate::api::Api;
use crate::call::Call;
use crate::endpoint::Endpoint;
use crate::idempotency::IdempotencyKey;
use crate::input::{self, bad_field};
use crate::json;
use crate::nodes::Nodes;
use crate::problem::Problem;
use crate::query::{Param, ParamKind};
use crate::reply::Reply;
use crate::submission::SubmittedTask;
use crate::success::accepted;
use crate::task_settings::TaskSettings;
#[cfg(feature = "openapi")]
use crate::{idempotency, openapi::Description, problem_kinds};

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
        let by_query = query.choice(&WANTED)?.and_then(Presence::from_name);
        let wanted = match (by_query, wanted_by_body(call.body())?) {
            (Some(wanted), None) | (None, Some(wanted)) => wanted,
            (None, None) => return Err(bad_field("wanted must be present or absent.")),
            (Some(_), Some(_)) => return Err(bad_field("wanted is in the query and in the body.")),
        };
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
            .required(&WANTED)
            .header(&idempotency::PARAM)
            .accepted("The task is stored and will be carried out.")
            .answer_header(202, "Idempotent-Replayed", "`true` when it was accepted before.", false)
            .problems(&[
                &problem_kinds::NOT_JSON,
                &problem_kinds::BAD_GROUP_ID,
                &problem_kinds::BAD_FIELD,
                &problem_kinds::BAD_KEY,
                &problem_kinds::KEY_REUSED,
                &problem_kinds::TOO_FAST,
                &problem_kinds::QUEUE_FULL,
            ])
    }
}

/// What a body wants, which may stand in for the query.
fn wanted_by_body(body: &[u8]) -> Result<Option<Presence>, Problem> {
    if body.is_empty() {
        return Ok(None);
    }
    let body = json::read(body)?;
    let Some(wanted) = body.get("wanted") else { return Ok(None) };
    let wanted = wanted.as_str().and_then(Presence::from_name);
    wanted.map(Some).ok_or_else(|| bad_field("wanted must be present or absent."))
}
