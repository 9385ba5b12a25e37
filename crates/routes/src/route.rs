//! Which route a request takes: by its method and its path, which has at most one parameter.

use http::Method;
use percent_encoding::percent_decode_str;
use settings::Role;

use crate::problem::Problem;
use crate::problem_kinds;

/// A route as the table has it: what of it can be known before a request is there. `N` is the type
/// of the table's names.
pub(crate) struct Route<N> {
    pub(crate) name: N,
    pub(crate) method: Method,
    pub(crate) path: &'static str,
    pub(crate) role: Option<Role>,
}

/// Finds the route for a request among `routes`, and its parameter, decoded.
pub(crate) fn find<'a, N>(
    routes: &'a [Route<N>],
    method: &Method,
    path: &str,
) -> Result<(&'a Route<N>, String), Problem> {
    let mut fitting = routes.iter().filter(|route| route.method == *method);
    let found = fitting.find_map(|route| Some((route, parameter(route.path, path)?)));
    found.ok_or_else(|| no_such_route(routes, method, path))
}

fn no_such_route<N>(routes: &[Route<N>], method: &Method, path: &str) -> Problem {
    let there = routes.iter().filter(|route| parameter(route.path, path).is_some());
    let allowed: Vec<Method> = there.map(|route| route.method.clone()).collect();
    if !allowed.is_empty() {
        return Problem::method_not_allowed(method, &allowed);
    }
    let path: String = path.chars().take(100).collect();
    Problem::new(&problem_kinds::NO_SUCH_ROUTE, format!("No route matches {path}."))
}

/// The parameter in `path` if it has the shape of `template`; empty when there is none.
fn parameter(template: &str, path: &str) -> Option<String> {
    let Some((before, rest)) = template.split_once('{') else {
        return (template == path).then(String::new);
    };
    let (_, after) = rest.split_once('}')?;
    let given = path.strip_prefix(before)?.strip_suffix(after)?;
    if given.is_empty() || given.contains('/') {
        return None;
    }
    Some(percent_decode_str(given).decode_utf8().ok()?.into_owned())
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
