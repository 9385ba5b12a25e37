//! The default node adapter: speaks the cluster manager's `/v1/group/` API.
//!
//! | call | answers |
//! | --- | --- |
//! | `POST /v1/group/` `{"groupId": …}` | 201 created · 400 exists already, or a bad request |
//! | `DELETE /v1/group/` `{"groupId": …}` | 200 deleted, or it was not there |
//! | `GET /v1/group/{groupId}` | 200 exists · 404 absent |
//!
//! A status alone proves nothing, for an ingress, a proxy or a login page may answer in the node's
//! place. What it takes for an answer to be the node's own is in `own_answer.rs`.

use alloc::borrow::ToOwned as _;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use alloc::{format, vec};

use crate::answer::{Failure, Finding, NodeResponse, Retry, Verdict};
use crate::escape::path_segment;
use crate::options::{Options, Trust};
use crate::own_answer::Origin;
use crate::request::{PreparedRequest, Wanted};
use crate::{Adapter, Operation, own_answer};

const COLLECTION: &str = "/v1/group/";
const CONTENT_TYPE: &str = "content-type";
/// How much of an inspection's answer is read: far more than the node API says there.
const INSPECTION_BODY_BYTES: u32 = 4 * 1024;

/// The adapter that ships.
#[derive(Clone, Debug, Default)]
pub struct ClusterManager {
    options: Options,
}

impl ClusterManager {
    /// The adapter with options, by name: `trust`, `absent_text`.
    ///
    /// # Errors
    /// Names the first option that is not known, or has no such value.
    pub fn with(options: &[(String, String)]) -> Result<Self, String> {
        Options::read(options).map(|options| Self { options })
    }

    /// Whether an answer to a change is certainly not the node's own.
    fn is_foreign(&self, answer: &NodeResponse) -> bool {
        self.options.trust == Trust::Json && own_answer::is_other_type(answer)
    }

    /// Whose an answer to an inspection is.
    fn origin(&self, answer: &NodeResponse) -> Origin {
        match (&self.options.absent_text, self.options.trust) {
            (Some(text), _) if answer.status == 404 => {
                let is_own = String::from_utf8_lossy(&answer.body).contains(text);
                if is_own { Origin::Node } else { Origin::Stranger }
            }
            (_, Trust::Status) => Origin::Node,
            (_, Trust::Json) => own_answer::origin(answer),
        }
    }

    fn inspection(&self, group_id: &str) -> PreparedRequest {
        let wanted = |status, body_bytes| Wanted {
            status_from: status,
            status_to: status,
            headers: vec![CONTENT_TYPE.to_owned()],
            body_bytes,
        };
        let by_status = self.options.trust == Trust::Status;
        PreparedRequest {
            method: "GET".to_owned(),
            path_with_query: format!("{COLLECTION}{}", path_segment(group_id)),
            wanted: match &self.options.absent_text {
                None if by_status => Vec::new(),
                Some(_) if by_status => vec![wanted(404, INSPECTION_BODY_BYTES)],
                _ => [200, 404].map(|status| wanted(status, INSPECTION_BODY_BYTES)).into(),
            },
            ..PreparedRequest::default()
        }
    }

    /// `doubtful` are the last statuses, beside 200, that something else may have answered with.
    fn change(&self, method: &str, group_id: &str, doubtful: (u16, u16)) -> PreparedRequest {
        let wanted = |(status_from, status_to)| Wanted {
            status_from,
            status_to,
            headers: vec![CONTENT_TYPE.to_owned()],
            body_bytes: 0,
        };
        PreparedRequest {
            method: method.to_owned(),
            path_with_query: COLLECTION.to_owned(),
            headers: vec![(CONTENT_TYPE.to_owned(), "application/json".to_owned())],
            body: serde_json::json!({ "groupId": group_id }).to_string().into_bytes(),
            wanted: match self.options.trust {
                Trust::Json => [(200, 200), doubtful].map(wanted).into(),
                Trust::Status => Vec::new(),
            },
        }
    }
}

impl Adapter for ClusterManager {
    fn check_group_id(&self, group_id: &str) -> Result<(), String> {
        // A URL's dot segments are resolved away before it is sent, escaped or not.
        if matches!(group_id, "." | "..") {
            return Err(format!("{group_id:?} cannot be part of a URL"));
        }
        Ok(())
    }

    /// 201 says that the node made the group, 400 that it did not. To a delete it answers 200 in
    /// either case.
    fn is_conclusive(&self, operation: Operation) -> bool {
        operation == Operation::Create
    }

    fn prepare(&self, operation: Operation, group_id: &str) -> Result<PreparedRequest, String> {
        self.check_group_id(group_id)?;
        Ok(match operation {
            Operation::Create => self.change("POST", group_id, (400, 409)),
            Operation::Delete => self.change("DELETE", group_id, (400, 404)),
        })
    }

    fn prepare_inspection(&self, group_id: &str) -> Result<PreparedRequest, String> {
        self.check_group_id(group_id)?;
        Ok(self.inspection(group_id))
    }

    fn interpret(&self, operation: Operation, _group_id: &str, answer: NodeResponse) -> Verdict {
        let foreign = || Verdict::Foreign(not_its_own(&answer));
        let inspect = |reason| Verdict::Inspect(Failure::new(reason, Retry::Never));
        match (operation, answer.status) {
            (_, 200 | 400) | (Operation::Create, 409) | (Operation::Delete, 404)
                if self.is_foreign(&answer) =>
            {
                foreign()
            }
            (Operation::Create, 201) => Verdict::Applied,
            (Operation::Create, 200) | (Operation::Delete, 200 | 204) => Verdict::AsAsked,
            (Operation::Create, 400 | 409) => {
                inspect("the group exists already, or the request is bad")
            }
            (Operation::Delete, 400 | 404) => {
                inspect("the group is not there, or the request is bad")
            }
            // Given up on by something in between, which cannot take the request back.
            (_, 408 | 502 | 504) => Verdict::Foreign(Failure::new(
                "something before the node gave up on it",
                Retry::Later,
            )),
            // Passed on, redirected, or understood in some way this API does not have.
            (_, 100..400) => foreign(),
            (_, 400..500) => Verdict::Refused(Failure::new("the node refuses", Retry::ByStatus)),
            _ => Verdict::Unknown(Failure::new("the node is in trouble", Retry::ByStatus)),
        }
    }

    fn interpret_inspection(&self, _group_id: &str, answer: NodeResponse) -> Finding {
        let trouble = |reason| Finding::Unclear(Failure::new(reason, Retry::ByStatus));
        match (answer.status, self.origin(&answer)) {
            (200, Origin::Node | Origin::Unknown) => Finding::Present,
            (404, Origin::Node) => Finding::Absent,
            (404, Origin::Unknown) => Finding::SeemsAbsent(not_its_own(&answer)),
            (429, _) => trouble("the node is too busy"),
            (500.., _) => trouble("the node is in trouble"),
            _ => Finding::Unclear(not_its_own(&answer)),
        }
    }
}

/// What people are told of an answer that proves nothing. What stands in between may be gone soon.
fn not_its_own(answer: &NodeResponse) -> Failure {
    let kind = answer.header(CONTENT_TYPE).map_or("", |kind| kind.split(';').next().unwrap_or(""));
    let shown = if kind.is_empty() { String::new() } else { format!(" ({kind})") };
    let reason = format!(
        "nothing shows that the node's group API answered{shown}: check the node's address and what \
         stands before it"
    );
    Failure::new(reason, Retry::Later)
}

#[cfg(test)]
mod tests;
