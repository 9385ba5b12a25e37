//! Every kind of problem there is, each with a type URI of its own that the docs page explains.

use http::StatusCode;

/// A kind of problem.
#[derive(Debug, PartialEq, Eq)]
pub struct Kind {
    /// The last part of its type URI, `/docs#problem-<slug>`.
    pub slug: &'static str,
    pub status: StatusCode,
    pub title: &'static str,
    /// When it comes about.
    pub about: &'static str,
    /// What the client can do.
    pub next: &'static str,
    /// Whether the same request may succeed later.
    pub retry: Retry,
}

/// Whether sending the same request again makes sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// It would fail again.
    No,
    /// After the seconds that `Retry-After` names.
    After,
    /// Once the operator has acted.
    Later,
}

impl Retry {
    /// For the docs page.
    #[must_use]
    pub fn about(self) -> &'static str {
        match self {
            Self::No => "No: the same request would fail again.",
            Self::After => "Yes, after the seconds that Retry-After names.",
            Self::Later => "Yes, once the operator has acted.",
        }
    }
}

macro_rules! kinds {
    ($($name:ident: $status:ident, $slug:literal, $title:literal,
        about: $about:literal, next: $next:literal, $retry:ident;)*) => {
        $(pub(crate) static $name: Kind = Kind {
            slug: $slug,
            status: StatusCode::$status,
            title: $title,
            about: $about,
            next: $next,
            retry: Retry::$retry,
        };)*

        /// Every kind, by status.
        pub static KINDS: &[&Kind] = &[$(&$name),*];
    };
}

kinds! {
    BAD_REQUEST: BAD_REQUEST, "bad-request", "The request cannot be read",
        about: "The request is not one that HTTP knows how to read, or its body broke off.",
        next: "Check its method, URL and headers, and send it again.", No;
    NOT_JSON: BAD_REQUEST, "not-json", "The body is not JSON",
        about: "The route wants a JSON body and got something else.",
        next: "Send a JSON object such as {\"group_id\": \"my-group\"}.", No;
    UNAUTHORIZED: UNAUTHORIZED, "unauthorized", "A token is needed",
        about: "The service has tokens set, and the request bears none of them.",
        next: "Send Authorization: Bearer TOKEN with a token that the operator gave you.", No;
    FOREIGN_ORIGIN: FORBIDDEN, "foreign-origin", "Web pages of this origin may not call",
        about: "A browser sent the request for a web page of another origin, which the setting cors_origins does not name.",
        next: "Have the operator add the page's origin to cors_origins, if it is to call this service.", No;
    FORBIDDEN: FORBIDDEN, "forbidden", "The token may not do that",
        about: "The token is known, but its role does not reach as far as this route.",
        next: "Ask the operator for a token with the role that the detail names.", No;
    NO_SUCH_ROUTE: NOT_FOUND, "no-such-route", "There is nothing here",
        about: "No route has this path.",
        next: "Check the path; /docs lists every route.", No;
    NO_SUCH_TASK: NOT_FOUND, "no-such-task", "There is no such task",
        about: "No task has this id, or it ended long ago and has expired.",
        next: "Check the task_id. Ended tasks are kept for the setting task_ttl.", No;
    NO_SUCH_DEAD_LETTER: NOT_FOUND, "no-such-dead-letter", "There is no such dead letter",
        about: "The dead letter was retried with success or discarded, or never was.",
        next: "GET /dead-letters lists those there are.", No;
    NO_SUCH_CALLBACK: NOT_FOUND, "no-such-callback", "There is no such callback",
        about: "The task was submitted without a callback_url, has not ended yet, or its callback was discarded.",
        next: "GET /callbacks lists those that are not delivered.", No;
    METHOD_NOT_ALLOWED: METHOD_NOT_ALLOWED, "method-not-allowed", "The route has no such method",
        about: "The path is right, the method is not.",
        next: "Use a method that the Allow header names.", No;
    TASK_ENDED: CONFLICT, "task-ended", "The task has ended",
        about: "What has ended cannot be cancelled: a reported end never changes.",
        next: "To take its effect back, submit the opposite operation.", No;
    TASK_IS_RETRY: CONFLICT, "task-is-a-retry", "The task cannot be cancelled",
        about: "The task retries a dead letter and is under way; there is nothing to take back.",
        next: "Wait for it to end.", No;
    DEAD_LETTER_SUPERSEDED: CONFLICT, "dead-letter-superseded", "The dead letter is superseded",
        about: "A later task has put the group's nodes as it desired them; undoing the older one now would break that.",
        next: "Read it if you like, then discard it with DELETE.", No;
    DEAD_LETTER_RETRYING: CONFLICT, "dead-letter-retrying", "The dead letter is being retried",
        about: "A task that was asked for before is retrying it.",
        next: "Wait for that task to end.", No;
    DEAD_LETTER_NOT_RETRIABLE: CONFLICT, "dead-letter-not-retriable", "The dead letter cannot be retried",
        about: "It stands for a task whose record cannot be read, so there is nothing to resume.",
        next: "Look at the group on every node, put it right, then discard the dead letter.", No;
    CALLBACK_DELIVERED: CONFLICT, "callback-delivered", "The callback was delivered",
        about: "It was answered with a 2xx, so there is nothing left to try or to discard.",
        next: "Nothing.", No;
    BODY_TOO_LARGE: PAYLOAD_TOO_LARGE, "body-too-large", "The body is too large",
        about: "A request's body may have at most 65,536 bytes.",
        next: "Send only what the route asks for.", No;
    UNSUPPORTED_MEDIA: UNSUPPORTED_MEDIA_TYPE, "unsupported-media", "The body is in a form that is not read",
        about: "A body is JSON in UTF-8, sent as it is: not packed, and of no other type.",
        next: "Send the body as plain JSON with Content-Type: application/json and without Content-Encoding.", No;
    BAD_GROUP_ID: UNPROCESSABLE_ENTITY, "bad-group-id", "The group_id cannot be used",
        about: "A group_id is a text of 1 to 256 characters without control characters, and one that the nodes can hold.",
        next: "Send a JSON object whose group_id is a string of 1 to 256 characters without control characters. When the detail says that the nodes cannot hold it, choose another.", No;
    BAD_FIELD: UNPROCESSABLE_ENTITY, "bad-field", "A field of the body cannot be used",
        about: "The body is JSON, but a field is missing, of the wrong type or out of bounds.",
        next: "Correct the field that the detail names, or leave it out.", No;
    BAD_QUERY: UNPROCESSABLE_ENTITY, "bad-query", "A query parameter cannot be used",
        about: "A query parameter is not what the route takes.",
        next: "Correct the parameter or leave it out.", No;
    BAD_HEADER: UNPROCESSABLE_ENTITY, "bad-header", "A header cannot be used",
        about: "A header is not what the route takes, or is there twice although it may be there once.",
        next: "Correct the header that the detail names, or leave it out.", No;
    BAD_KEY: UNPROCESSABLE_ENTITY, "bad-idempotency-key", "The Idempotency-Key cannot be used",
        about: "A request has one Idempotency-Key of 1 to 255 visible ASCII characters, in quotes or without.",
        next: "Send a key such as a UUID.", No;
    KEY_REUSED: UNPROCESSABLE_ENTITY, "idempotency-key-reused", "The Idempotency-Key was used for something else",
        about: "Another request came with the same key not long ago, and this one asks for something else.",
        next: "Use a new key for a new request.", No;
    TOO_FAST: TOO_MANY_REQUESTS, "too-fast", "Too many requests",
        about: "The token has submitted as many tasks in this second as the setting rate_limit allows.",
        next: "Send the request again after Retry-After seconds.", After;
    BAD_SETTING: INTERNAL_SERVER_ERROR, "bad-setting", "The service is not set up",
        about: "A setting has a value that cannot be used; the detail names it.",
        next: "Tell the operator: the setting must be corrected and the service restarted.", Later;
    INTERNAL: INTERNAL_SERVER_ERROR, "internal", "The service failed",
        about: "Something went wrong that is not the client's fault; the operator's log has it.",
        next: "Send the request again later, and tell the operator when it stays so.", Later;
    QUEUE_FULL: SERVICE_UNAVAILABLE, "queue-full", "The queue is full",
        about: "As many tasks wait as the setting max_queue allows. Nothing was accepted.",
        next: "Send the request again after Retry-After seconds.", After;
    REDIS_AWAY: SERVICE_UNAVAILABLE, "redis-away", "The store cannot be reached",
        about: "Redis did not answer as it should, so it is not known whether the request was carried out.",
        next: "Send the request again after Retry-After seconds. Creating or deleting a group twice does no harm.", After;
    REDIS_DENIED: SERVICE_UNAVAILABLE, "redis-denied", "The store does not let the service in",
        about: "Redis refuses the service's user or password, or a command that it needs. Nothing was done.",
        next: "Tell the operator: the settings redis_user and redis_password, or the user's rights in Redis, must be corrected.", Later;
    REDIS_WRONG_SERVER: SERVICE_UNAVAILABLE, "redis-wrong-server", "The store cannot be written to",
        about: "The Redis that answers is a replica, or a part of a cluster that does not hold the service's keys. Nothing was done.",
        next: "Tell the operator: the settings redis_host and redis_port must name the primary. After a failover it may come right by itself.", Later;
    REDIS_FULL: SERVICE_UNAVAILABLE, "redis-full", "The store is full",
        about: "Redis has no memory or no disk left. Nothing was done, and what was accepted before is kept.",
        next: "Tell the operator: Redis needs more memory or disk, then everything goes on by itself.", Later;
    NO_NODE_ACCESS: SERVICE_UNAVAILABLE, "no-node-access", "The nodes cannot be reached from here",
        about: "This part of the service runs without access to the nodes, so it cannot inspect them.",
        next: "Leave check out, or tell the operator to route /groups/by-id to the maintenance component.", Later;
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_kind_has_a_type_of_its_own_and_says_what_to_do() {
        let slugs: BTreeSet<&str> = KINDS.iter().map(|kind| kind.slug).collect();
        assert_eq!(slugs.len(), KINDS.len());
        for kind in KINDS {
            assert!(!kind.title.is_empty() && !kind.about.is_empty() && !kind.next.is_empty());
        }
        assert!(KINDS.is_sorted_by_key(|kind| kind.status));
    }
}
