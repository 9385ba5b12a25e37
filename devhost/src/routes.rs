//! Which component answers a path. The matching itself is the library's that Spin uses.

use std::collections::BTreeSet;

use anyhow::{Result, anyhow, ensure};
use routefinder::RouteSpec;

use crate::manifest::{HttpTrigger, Route};

/// The routes of an application.
#[derive(Debug, Default)]
pub(crate) struct Routes {
    finder: routefinder::Router<Target>,
}

/// Where a route leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// The component's id.
    pub(crate) component: String,
    /// The route as the manifest writes it.
    pub(crate) route: String,
}

/// A route that fits a path.
#[derive(Debug)]
pub(crate) struct Match<'a> {
    /// Where the route leads.
    pub(crate) target: &'a Target,
    /// What stands where the route has its `/...`, from the `/` on; empty without.
    pub(crate) rest: String,
    /// The path's parts that the route names (`/:name/`), with their names.
    pub(crate) named: Vec<(String, String)>,
}

impl Routes {
    /// Reads the routes of the HTTP triggers. Fails on routes that are malformed or given twice.
    pub(crate) fn new(triggers: &[HttpTrigger]) -> Result<Self> {
        let mut finder = routefinder::Router::new();
        let mut seen = BTreeSet::new();
        for HttpTrigger { component, route, .. } in triggers {
            let Route::Path(route) = route else { continue };
            let path = based(route);
            ensure!(seen.insert(path.clone()), "two components have the route `{route}`");
            let spec: RouteSpec = match path.strip_suffix("/...") {
                Some(prefix) => format!("{prefix}/*").parse(),
                None => path.parse(),
            }
            .map_err(|error| anyhow!("component `{component}`, route `{route}`: {error}"))?;
            finder
                .add(spec, Target { component: component.clone(), route: route.clone() })
                .map_err(|error| anyhow!("component `{component}`, route `{route}`: {error}"))?;
        }
        Ok(Self { finder })
    }

    /// The best route for a path: an exact one, else the longest with `/...`.
    pub(crate) fn find(&self, path: &str) -> Option<Match<'_>> {
        let found = self.finder.best_match(path)?;
        let captures = found.captures();
        let rest = match (captures.wildcard(), path.ends_with('/')) {
            (None, _) | (Some(""), false) => String::new(),
            (Some(""), true) => "/".to_owned(),
            (Some(rest), false) => format!("/{rest}"),
            (Some(rest), true) => format!("/{rest}/"),
        };
        let named =
            captures.iter().map(|(name, part)| (name.to_owned(), part.to_owned())).collect();
        Some(Match { target: found.handler(), rest, named })
    }

    /// All targets, in the order in which they are tried.
    pub(crate) fn targets(&self) -> impl Iterator<Item = &Target> {
        self.finder.iter().map(|(_, target)| target)
    }
}

impl Target {
    /// The route with a `/` first and none last.
    pub(crate) fn based(&self) -> String {
        based(&self.route)
    }

    /// The route as written, without its `/...`.
    pub(crate) fn prefix(&self) -> &str {
        self.route.strip_suffix("/...").unwrap_or(&self.route)
    }
}

fn based(route: &str) -> String {
    let route = route.strip_suffix('/').unwrap_or(route);
    match route {
        "" => String::new(),
        _ if route.starts_with('/') => route.to_owned(),
        _ => format!("/{route}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trigger(component: &str, route: &str) -> HttpTrigger {
        toml::from_str(&format!("component = \"{component}\"\nroute = {route}")).unwrap()
    }

    fn routes(routes: &[(&str, &str)]) -> Result<Routes> {
        let triggers: Vec<_> = routes
            .iter()
            .map(|(component, route)| trigger(component, &format!("\"{route}\"")))
            .collect();
        Routes::new(&triggers)
    }

    #[track_caller]
    fn found(routes: &Routes, path: &str) -> Option<(String, String)> {
        routes.find(path).map(|found| (found.target.component.clone(), found.rest))
    }

    fn some(component: &str, rest: &str) -> Option<(String, String)> {
        Some((component.to_owned(), rest.to_owned()))
    }

    #[test]
    fn exact_wins_over_longest_over_short_wildcard() {
        let routes = routes(&[
            ("all", "/..."),
            ("sweep", "/maintenance/sweep"),
            ("upkeep", "/maintenance/..."),
        ])
        .unwrap();
        assert_eq!(found(&routes, "/maintenance/sweep"), some("sweep", ""));
        assert_eq!(found(&routes, "/maintenance/other"), some("upkeep", "/other"));
        assert_eq!(found(&routes, "/maintenance/sweep/more"), some("upkeep", "/sweep/more"));
        assert_eq!(found(&routes, "/groups/create"), some("all", "/groups/create"));
        assert_eq!(found(&routes, "/"), some("all", "/"));
    }

    #[test]
    fn exact_routes_answer_nothing_else() {
        let routes = routes(&[("root", "/"), ("foo", "/foo")]).unwrap();
        assert_eq!(found(&routes, "/"), some("root", ""));
        assert_eq!(found(&routes, "/foo"), some("foo", ""));
        assert_eq!(found(&routes, "/foo/bar"), None);
        assert_eq!(found(&routes, "/bar"), None);
    }

    #[test]
    fn wildcards_keep_trailing_slashes() {
        let routes = routes(&[("foo", "/foo/...")]).unwrap();
        assert_eq!(found(&routes, "/foo"), some("foo", ""));
        assert_eq!(found(&routes, "/foo/"), some("foo", "/"));
        assert_eq!(found(&routes, "/foo/bar"), some("foo", "/bar"));
        assert_eq!(found(&routes, "/foo/bar/"), some("foo", "/bar/"));
        assert_eq!(found(&routes, "/food"), None);
    }

    #[test]
    fn names_parts_of_the_path() {
        let routes = routes(&[("user", "/user/:id/...")]).unwrap();
        let found = routes.find("/user/42/orders").unwrap();
        assert_eq!(found.named, [("id".to_owned(), "42".to_owned())]);
        assert_eq!(found.rest, "/orders");
        assert_eq!(found.target.prefix(), "/user/:id");
    }

    #[test]
    fn refuses_duplicates_and_skips_private_routes() {
        let error = routes(&[("a", "/x"), ("b", "/x/")]).unwrap_err().to_string();
        assert!(error.contains("`/x/`"), "{error}");
        let private = trigger("a", "{ private = true }");
        assert!(Routes::new(&[private]).unwrap().find("/").is_none());
    }
}
