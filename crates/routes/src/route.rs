//! Routes: a method, a path with at most one parameter, and who may take it.

use http::Method;
use percent_encoding::percent_decode_str;
use settings::Role;

use crate::catalogue;
use crate::problem::Problem;

/// One route. Its file in this crate has its types, its handler and its documentation.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) method: Method,
    /// Segments in braces stand for one percent-encoded segment each.
    pub(crate) path: &'static str,
    /// Who may take it; `None` = everybody, token or not.
    pub(crate) role: Option<Role>,
    pub(crate) action: Action,
}

/// What a route does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    CreateGroup,
    DeleteGroup,
    SubmitMany,
    ShowTask,
    StreamEvents,
    CancelTask,
    ListTasks,
    ListGroups,
    ShowGroup,
    RepairGroup,
    ListLetters,
    ShowLetter,
    RetryLetter,
    RetryLetters,
    DiscardLetter,
    ListCallbacks,
    RetryCallback,
    DiscardCallback,
    Health,
    Ready,
    Metrics,
    Pause,
    Resume,
    Sweep,
}

/// Finds the route for a request among `routes`, and its parameter, decoded.
pub(crate) fn find<'a>(
    routes: &[&'a Route],
    method: &Method,
    path: &str,
) -> Result<(&'a Route, String), Problem> {
    let matching: Vec<(&Route, String)> =
        routes.iter().filter_map(|route| Some((*route, parameter(route.path, path)?))).collect();
    if matching.is_empty() {
        let path: String = path.chars().take(100).collect();
        return Err(Problem::new(&catalogue::NO_SUCH_ROUTE, format!("No route matches {path}.")));
    }
    let allowed: Vec<Method> = matching.iter().map(|(route, _)| route.method.clone()).collect();
    matching
        .into_iter()
        .find(|(route, _)| route.method == method)
        .ok_or_else(|| Problem::method_not_allowed(method, &allowed))
}

/// The parameter in `path` if it has the shape of `template`; empty when there is none.
fn parameter(template: &str, path: &str) -> Option<String> {
    let mut found = String::new();
    let (mut wanted, mut given) = (template.split('/'), path.split('/'));
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return Some(found),
            (Some(wanted), Some(given)) if wanted.starts_with('{') && !given.is_empty() => {
                found = percent_decode_str(given).decode_utf8().ok()?.into_owned();
            }
            (Some(wanted), Some(given)) if wanted == given => {}
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::parameter;

    #[test]
    fn a_path_fits_its_template_segment_by_segment() {
        for (template, path, found) in [
            ("/groups/create", "/groups/create", Some("")),
            ("/groups/create", "/groups/create/", None),
            ("/groups/task/{task_id}", "/groups/task/a%2Fb%20c", Some("a/b c")),
            ("/groups/task/{task_id}", "/groups/task/", None),
            ("/groups/task/{task_id}", "/groups/task/%ff", None),
            ("/groups/task/{task_id}/cancel", "/groups/task/x/cancel", Some("x")),
            ("/groups/task/{task_id}/cancel", "/groups/task/x", None),
        ] {
            assert_eq!(parameter(template, path).as_deref(), found, "{path}");
        }
    }
}
