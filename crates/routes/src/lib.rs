//! The HTTP API: from a request to a response, with one round trip to Redis between them.
//!
//! ```text
//! POST   /groups/create                  submit.rs
//! POST   /groups/delete                  submit.rs
//! GET    /groups/task/{task_id}          task.rs
//! POST   /groups/task/{task_id}/cancel   task.rs
//! GET    /dead-letters                   letters.rs
//! GET    /dead-letters/{id}              letters.rs
//! DELETE /dead-letters/{id}              letters.rs
//! POST   /dead-letters/{id}/retry        letters.rs
//! POST   /maintenance/sweep              sweep.rs
//! ```
//!
//! Everything that fails is answered as an RFC 9457 problem (`problem.rs`).

mod access;
mod answer;
mod letters;
mod problem;
mod submit;
mod sweep;
mod task;
mod times;

use http::{Method, Request, Response};
use settings::ApiSettings;
use store::{Redis, Store};

pub use problem::Problem;
use problem::catalogue;
pub use sweep::sweep;

/// The most bytes of a request's body.
pub const BODY_BYTES_MAX: usize = 64 * 1024;

/// What the routes need: where tasks are kept, the settings, and a source of new ids.
pub struct Api<'a, R> {
    pub store: &'a Store<R>,
    pub settings: &'a ApiSettings,
    pub new_id: &'a dyn Fn() -> uuid::Uuid,
}

impl<R: Redis> Api<'_, R> {
    /// Answers one request. Never fails: what goes wrong is in the response.
    pub async fn handle(&self, request: &Request<Vec<u8>>) -> Response<Vec<u8>> {
        let answered = match access::check(request, &self.settings.api_tokens) {
            Ok(()) => self.route(request).await,
            Err(problem) => Err(problem),
        };
        answered.unwrap_or_else(|problem| problem.into_response())
    }

    async fn route(&self, request: &Request<Vec<u8>>) -> Result<Response<Vec<u8>>, Problem> {
        let method = request.method();
        let path = request.uri().path();
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        match parts.as_slice() {
            ["groups", "create"] => {
                only(method, &[Method::POST])?;
                self.submit(saga::Operation::Create, request.body()).await
            }
            ["groups", "delete"] => {
                only(method, &[Method::POST])?;
                self.submit(saga::Operation::Delete, request.body()).await
            }
            ["groups", "task", task_id] => {
                only(method, &[Method::GET])?;
                self.show_task(task_id).await
            }
            ["groups", "task", task_id, "cancel"] => {
                only(method, &[Method::POST])?;
                self.cancel_task(task_id).await
            }
            ["dead-letters"] => {
                only(method, &[Method::GET])?;
                self.list_letters(request.uri().query().unwrap_or_default()).await
            }
            ["dead-letters", letter_id] => {
                only(method, &[Method::GET, Method::DELETE])?;
                if method == Method::GET {
                    self.show_letter(letter_id).await
                } else {
                    self.discard_letter(letter_id).await
                }
            }
            ["dead-letters", letter_id, "retry"] => {
                only(method, &[Method::POST])?;
                self.retry_letter(letter_id).await
            }
            _ => Err(catalogue::no_such_route(path)),
        }
    }
}

fn only(method: &Method, allowed: &'static [Method]) -> Result<(), Problem> {
    if allowed.contains(method) {
        Ok(())
    } else {
        Err(catalogue::method_not_allowed(method, allowed))
    }
}
