//! `POST /groups/create` and `/groups/delete`: accept a task and answer at once.

use clock::Clock;
use http::{Method, StatusCode};
use saga::Operation;
#[cfg(feature = "openapi")]
use serde_json::json;
use settings::Role;
use store::Redis;

use crate::api::Api;
use crate::call::Call;
use crate::dry_run::DryRun;
use crate::endpoint::Endpoint;
use crate::idempotency::IdempotencyKey;
use crate::input;
use crate::nodes::Nodes;
use crate::problem::Problem;
use crate::query::{Param, ParamKind};
use crate::reply::Reply;
use crate::submission::SubmittedTask;
use crate::success::{self, accepted};
#[cfg(feature = "openapi")]
use crate::{idempotency, openapi::Description, problem_kinds, submission::Submission};

static DRY_RUN: Param = Param {
    name: "dry_run",
    kind: ParamKind::Flag,
    about: "Only tell which calls would be made, in order. Nothing is stored.",
};

pub(crate) struct CreateGroup;

impl Endpoint for CreateGroup {
    const METHOD: Method = Method::POST;
    const PATH: &'static str = "/groups/create";
    const ROLE: Option<Role> = Some(Role::Submit);

    async fn answer<R, C, N>(api: Api<R, C, N>, call: &Call<'_>) -> Result<Reply, Problem>
    where
        R: Redis + 'static,
        C: Clock + 'static,
        N: Nodes,
    {
        api.submit(call, Operation::Create).await
    }

    #[cfg(feature = "openapi")]
    fn describe(route: Description<'_>) -> Description<'_> {
        describe(route.named("CreateGroup", "Create a group on every node, or on none"))
    }
}

pub(crate) struct DeleteGroup;

impl Endpoint for DeleteGroup {
    const METHOD: Method = Method::POST;
    const PATH: &'static str = "/groups/delete";
    const ROLE: Option<Role> = Some(Role::Submit);

    async fn answer<R, C, N>(api: Api<R, C, N>, call: &Call<'_>) -> Result<Reply, Problem>
    where
        R: Redis + 'static,
        C: Clock + 'static,
        N: Nodes,
    {
        api.submit(call, Operation::Delete).await
    }

    #[cfg(feature = "openapi")]
    fn describe(route: Description<'_>) -> Description<'_> {
        describe(route.named("DeleteGroup", "Delete a group from every node, or from none"))
    }
}

impl<R: Redis, C, N: Nodes> Api<R, C, N> {
    async fn submit(&self, call: &Call<'_>, operation: Operation) -> Result<Reply, Problem> {
        let query = call.query(&[&DRY_RUN])?;
        let key = IdempotencyKey::read(call)?;
        let fields = input::json_object(call.body())?;
        let submitted = SubmittedTask::read(operation, fields, &self.settings)?;
        if query.flag(&DRY_RUN)? {
            self.nodes.check_group_id(&submitted.group_id)?;
            let dry_run = DryRun::of(submitted, &self.settings.nodes);
            return success::json(StatusCode::OK, &dry_run, &[]);
        }
        let task = self.accept(call, submitted, key.as_ref()).await?;
        accepted(task.task_id, task.replayed)
    }
}

#[cfg(feature = "openapi")]
fn describe(route: Description<'_>) -> Description<'_> {
    route
        .about(
            "Answers at once; the work is done behind it. Poll the task, or read its events, to \
             see what becomes of it. With an Idempotency-Key the same request can be sent again \
             without harm: it gets the first one's answer.",
        )
        .query(&[&DRY_RUN])
        .header(&idempotency::PARAM)
        .body::<Submission>(&json!({ "group_id": "team-b" }))
        .accepted("The task is stored and will be carried out.")
        .answer_header(202, "Idempotent-Replayed", "`true` when it was accepted before.", false)
        .link(202, "ShowGroup", &[("group_id", "$request.body#/group_id")])
        .answer::<DryRun>(200, "With dry_run: what would be done.")
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
