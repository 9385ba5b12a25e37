//! What the host says when it cannot start, and how it starts again.

#[path = "support/components.rs"]
mod components;
mod support;

use support::App;

const WEB: &str = "[[trigger.http]]\nroute = \"/\"\ncomponent = \"web\"\n\
                   [component.web]\nsource = \"web.wasm\"\n";

#[track_caller]
fn refuses(app: &App, arguments: &[&str], complaint: &str) {
    let host = app.up(arguments);
    host.complains(complaint);
    assert_eq!(host.ended().code(), Some(1));
}

#[test]
fn names_what_is_wrong() {
    let web = components::http("(nop)");
    let unknown = App::new(&format!("{WEB}files = []"), &[("web", &web)]);
    refuses(&unknown, &[], "unknown field `files`");

    let variables = "[variables]\ntoken = { required = true }\n".to_owned() + WEB;
    refuses(&App::new(&variables, &[("web", &web)]), &[], "SPIN_VARIABLE_TOKEN");

    let path = format!("{WEB}allowed_outbound_hosts = [\"http://a:1/b\"]");
    refuses(&App::new(&path, &[("web", &web)]), &[], "an allowed host may not have a path");
}

#[test]
fn names_the_component_that_does_not_fit() {
    refuses(&App::new(WEB, &[]), &[], "web.wasm");
    refuses(&App::new(WEB, &[("web", components::EMPTY)]), &[], "wasi:http/incoming-handler");
    refuses(&App::new(WEB, &[("web", components::STRANGER)]), &[], "strange:world/wonder@1.0.0");
    let web = components::http("(nop)");
    refuses(&App::new(WEB, &[("web", &web)]), &["-c", "worker"], "`worker`");

    let redis = WEB.replace("http", "redis").replace("route", "channel")
        + "[application.trigger.redis]\naddress = \"redis://127.0.0.1:1\"\n";
    refuses(&App::new(&redis, &[("web", &web)]), &[], "fermyon:spin/inbound-redis");

    let dependency =
        format!("{WEB}[component.web.dependencies]\n\"a:b/c\" = {{ path = \"web.wasm\" }}");
    refuses(&App::new(&dependency, &[("web", &web)]), &[], "`a:b/c` fits no import");
}

#[test]
fn names_both_versions_when_a_dependency_is_of_another() {
    let manifest = |version: &str| {
        format!(
            "[application.trigger.redis]\naddress = \"redis://127.0.0.1:1\"\n\
             [[trigger.redis]]\nchannel = \"c\"\ncomponent = \"ear\"\n\
             [component.ear]\nsource = \"ear.wasm\"\n\
             [component.ear.dependencies]\n\
             \"test:adapter/check@{version}\" = {{ path = \"dep.wasm\" }}\n"
        )
    };
    let newer = components::asker().replace("check@0.1.0", "check@0.2.0");
    let built_for = |version: &str| {
        App::new(&manifest(version), &[("ear", &newer), ("dep", components::ADAPTER)])
    };
    refuses(
        &built_for("0.2.0"),
        &[],
        "it exports `test:adapter/check@0.1.0` and must be built anew for `test:adapter/check@0.2.0`",
    );
    refuses(
        &built_for("0.1.0"),
        &[],
        "the dependency `test:adapter/check@0.1.0` is of another version than `ear` imports: \
         `test:adapter/check@0.2.0`",
    );
}

#[test]
fn names_functions_for_perf_when_asked_to() {
    let app = App::new(WEB, &[("web", &components::http("(nop)"))]);
    for (arguments, named) in [(&[][..], false), (&["--perf-map"], true)] {
        let host = app.up(arguments);
        host.address();
        let map = format!("/tmp/perf-{}.map", host.process_id());
        assert_eq!(std::fs::read_to_string(&map).is_ok_and(|map| !map.is_empty()), named);
        let _ = std::fs::remove_file(map);
    }
}

#[test]
fn hosts_that_start_at_once_share_their_cache() {
    let app = App::new(WEB, &[("web", &components::http("(nop)"))]);
    let hosts: Vec<_> = (0..4).map(|_| app.up(&[])).collect();
    for host in &hosts {
        host.address();
    }
    let cached: Vec<_> = std::fs::read_dir(app.path().join("host-cache")).unwrap().collect();
    assert_eq!(cached.len(), 1, "{cached:?}");
    app.up(&[]).address();
}

#[test]
fn logs_are_kept_where_they_are_wanted() {
    let app = App::new(WEB, &[("web", &components::http("(nop)"))]);
    app.up(&[]).address();
    assert!(app.path().join(".spin/logs/web_stdout.txt").exists());
    app.up(&["--state-dir", "elsewhere"]).address();
    assert!(app.path().join("elsewhere/logs/web_stderr.txt").exists());
}
