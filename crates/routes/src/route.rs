//! Which route a request takes: by its method and its path, which has at most one parameter.

use http::{Method, Uri};
use percent_encoding::percent_decode_str;
use settings::Role;

use crate::problem::{Problem, shown};
use crate::problem_kinds;

/// A route as the table has it: what of it can be known before a request is there. `N` is the type
/// of the table's names.
pub(crate) struct Route<N> {
    pub(crate) name: N,
    pub(crate) method: Method,
    pub(crate) path: &'static str,
    pub(crate) role: Option<Role>,
}

/// Where a request belongs.
pub(crate) enum Found<'a, N> {
    /// To this route; with its parameter, decoded.
    Here(&'a Route<N>, String),
    /// To the same place without the slash at the end, which is this path and query.
    Elsewhere(String),
}

/// Finds the route for a request among `routes`. HEAD is answered wherever GET is.
pub(crate) fn find<'a, N>(
    routes: &'a [Route<N>],
    method: &Method,
    uri: &Uri,
) -> Result<Found<'a, N>, Problem> {
    let path = uri.path();
    let there = at(routes, path);
    if there.is_empty() {
        let trimmed = path.trim_end_matches('/');
        if trimmed == path || at(routes, trimmed).is_empty() {
            return Err(no_such_route(path));
        }
        let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
        return Ok(Found::Elsewhere(format!("{trimmed}{query}")));
    }
    let wanted = if *method == Method::HEAD { &Method::GET } else { method };
    let allowed: Vec<Method> = there.iter().map(|(route, _)| route.method.clone()).collect();
    let found = there.into_iter().find(|(route, _)| route.method == *wanted);
    let (route, parameter) = found.ok_or_else(|| Problem::method_not_allowed(method, &allowed))?;
    Ok(Found::Here(route, parameter))
}

/// The routes of a path, whatever the method. A path that is some route's own is never taken for
/// another's with a parameter in it.
fn at<'a, N>(routes: &'a [Route<N>], path: &str) -> Vec<(&'a Route<N>, String)> {
    let fixed: Vec<_> = routes.iter().filter(|route| route.path == path).collect();
    if !fixed.is_empty() {
        return fixed.into_iter().map(|route| (route, String::new())).collect();
    }
    routes.iter().filter_map(|route| Some((route, parameter(route.path, path)?))).collect()
}

fn no_such_route(path: &str) -> Problem {
    Problem::new(&problem_kinds::NO_SUCH_ROUTE, format!("No route matches {}.", shown(path)))
}

/// The parameter in `path` if it has the shape of `template`, which has one.
fn parameter(template: &str, path: &str) -> Option<String> {
    let (before, rest) = template.split_once('{')?;
    let (_, after) = rest.split_once('}')?;
    let given = path.strip_prefix(before)?.strip_suffix(after)?;
    if given.is_empty() || given.contains('/') {
        return None;
    }
    Some(percent_decode_str(given).decode_utf8().ok()?.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn route(method: Method, path: &'static str) -> Route<()> {
        Route { name: (), method, path, role: None }
    }

    static ROUTES: [Route<()>; 5] = [
        route(Method::GET, "/letters/{id}"),
        route(Method::DELETE, "/letters/{id}"),
        route(Method::POST, "/letters/retry"),
        route(Method::POST, "/letters/{id}/retry"),
        route(Method::GET, "/letters"),
    ];

    /// What becomes of a request: path and parameter, the new place, or the problem.
    fn taken(method: Method, uri: &str) -> Result<String, (u16, String)> {
        match find(&ROUTES, &method, &uri.parse().unwrap()) {
            Ok(Found::Here(route, parameter)) => {
                Ok(format!("{} {} {parameter}", route.method, route.path))
            }
            Ok(Found::Elsewhere(location)) => Ok(format!("→ {location}")),
            Err(problem) => {
                let reply = problem.into_reply();
                let allow = reply.headers().get("allow").map(|allow| allow.to_str().unwrap());
                Err((reply.status().as_u16(), allow.unwrap_or_default().to_owned()))
            }
        }
    }

    #[test]
    fn a_request_takes_the_route_of_its_path_and_method() {
        let not_allowed = |allow: &str| Err((405, allow.to_owned()));
        let not_found = || Err((404, String::new()));
        let found = |text: &str| Ok(text.to_owned());
        for (method, uri, expected) in [
            (Method::GET, "/letters", found("GET /letters ")),
            (Method::HEAD, "/letters", found("GET /letters ")),
            (Method::GET, "/letters/a%2Fb%20c", found("GET /letters/{id} a/b c")),
            (Method::HEAD, "/letters/x?y", found("GET /letters/{id} x")),
            (Method::POST, "/letters/x/retry", found("POST /letters/{id}/retry x")),
            (Method::POST, "/letters/retry", found("POST /letters/retry ")),
            (Method::GET, "/letters/retry", not_allowed("POST")),
            (Method::DELETE, "/letters/retry", not_allowed("POST")),
            (Method::OPTIONS, "/letters/retry", not_allowed("POST")),
            (Method::HEAD, "/letters/retry", not_allowed("POST")),
            (Method::PUT, "/letters/x", not_allowed("GET, HEAD, DELETE")),
            (Method::POST, "/letters/retry/?a=b", found("→ /letters/retry?a=b")),
            (Method::GET, "/letters/x//", found("→ /letters/x")),
            (Method::GET, "//letters/", not_found()),
            (Method::GET, "/letters/%ff", not_found()),
            (Method::GET, "/", not_found()),
        ] {
            assert_eq!(taken(method.clone(), uri), expected, "{method} {uri}");
        }
    }
}
