//! Routing as a whole.

use wasmgate_host::{Chain, HeaderMap};

use crate::cluster::ClusterSpec;
use crate::http::authority::Authority;
use crate::http::networks::BadNetwork;
use crate::http::target::split_query;
use crate::routing::action::ActionSpec;
use crate::routing::conditions::ConditionSpec;
use crate::routing::error::RouterError;
use crate::routing::path_pattern::PathMatch;
use crate::routing::path_prefix::view;
use crate::routing::precedence::Precedence;
use crate::routing::rewrite::PathRewriteSpec;
use crate::routing::route::RouteSpec;
use crate::routing::router::{Router, RouterSpec};
use crate::routing::value_match::ValueMatch;

fn route(host: &str, path: PathMatch) -> RouteSpec {
    let name = format!("{host}{}", path.text());
    let forward = ActionSpec::Forward(vec![("site".to_owned(), 1)]);
    let hosts = if host.is_empty() { Vec::new() } else { vec![host.to_owned()] };
    RouteSpec { hosts, ..RouteSpec::new(&name, path, Chain::new(Vec::new()), forward) }
}

fn prefix(host: &str, text: &str) -> RouteSpec {
    route(host, PathMatch::Prefix(text.to_owned()))
}

fn cluster(name: &str) -> ClusterSpec {
    let endpoints = vec![("http://127.0.0.1:9001".to_owned(), 1)];
    let (name, lb_policy) = (name.to_owned(), "round_robin".to_owned());
    ClusterSpec { name, endpoints, lb_policy, panic_threshold: 0 }
}

fn router(routes: Vec<RouteSpec>, precedence: Precedence) -> Result<Router, RouterError> {
    let clusters = vec![cluster("site")];
    Router::new(RouterSpec { clusters, routes, precedence, ..RouterSpec::default() })
}

fn request(authority: &str, target: &str, fields: &[(&str, &str)]) -> HeaderMap {
    let line = [(":method", "GET"), (":authority", authority), (":path", target)];
    let all = line.iter().chain(fields);
    all.map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect()
}

fn name_of<'a>(router: &'a Router, authority: &str, target: &str) -> Option<&'a str> {
    let found = router.find(&request(authority, target, &[]));
    found.map(|index| &*router.route(index).name)
}

#[test]
fn hosts_match_without_case_port_and_last_dot() {
    let router = router(vec![prefix("API.example", "/")], Precedence::default()).unwrap();
    for authority in ["api.example", "API.EXAMPLE:8080", "api.example."] {
        assert_eq!(Some("API.example/"), name_of(&router, authority, "/x"), "{authority}");
    }
    assert_eq!(None, name_of(&router, "example", "/x"));
}

#[test]
fn paths_match_by_what_they_mean_and_without_query() {
    let routes = vec![prefix("", "/admin/"), prefix("", "/")];
    let built = router(routes, Precedence::default()).unwrap();
    for (target, expected) in [
        ("/admin/x", "/admin/"),
        ("/%61dmin/x", "/admin/"),
        ("/admin%2Fx", "/"),
        ("/x?/admin/", "/"),
        ("//admin/x", "/"),
    ] {
        assert_eq!(Some(expected), name_of(&built, "a", target), "{target}");
    }
}

#[test]
fn the_more_specific_route_takes_a_request() {
    let routes = || {
        vec![
            prefix("", "/"),
            prefix("", "/users/"),
            route("", PathMatch::Regex("/users/[0-9]+".into())),
            route("", PathMatch::Template("/users/{id}".into())),
            route("", PathMatch::Exact("/users/me".into())),
            prefix("*.example", "/"),
            prefix("*.api.example", "/"),
            prefix("v1.api.example", "/"),
        ]
    };
    let specific = router(routes(), Precedence::Specificity).unwrap();
    for (host, path, expected) in [
        ("a", "/users/me", "/users/me"),
        ("a", "/users/7", "/users/{id}"),
        ("a", "/users/7/x", "/users/"),
        ("a", "/x", "/"),
        ("b.example", "/users/me", "*.example/"),
        ("v2.api.example", "/", "*.api.example/"),
        ("v1.api.example", "/", "v1.api.example/"),
    ] {
        assert_eq!(Some(expected), name_of(&specific, host, path), "{host} {path}");
    }
    let in_order = router(routes(), Precedence::FileOrder).unwrap();
    assert_eq!(Some("/"), name_of(&in_order, "v1.api.example", "/users/me"));
}

#[test]
fn more_conditions_are_more_specific() {
    let exact = |name: &str| vec![(name.to_owned(), ValueMatch::Exact("1".to_owned()))];
    let with =
        |name: &str, conditions| RouteSpec { name: name.to_owned(), conditions, ..prefix("", "/") };
    let any = ConditionSpec::default;
    let routes = vec![
        with("any", any()),
        with("cookie", ConditionSpec { cookies: exact("c"), ..any() }),
        with("query", ConditionSpec { query: exact("q"), ..any() }),
        with("header", ConditionSpec { headers: exact("x-h"), ..any() }),
        with("method", ConditionSpec { methods: vec!["GET".into()], ..any() }),
        with("post", ConditionSpec { methods: vec!["POST".into()], ..any() }),
        with(
            "method and header",
            ConditionSpec { methods: vec!["GET".into()], headers: exact("x-h"), ..any() },
        ),
    ];
    let built = router(routes, Precedence::Specificity).unwrap();
    let header = ("x-h", "1");
    for (target, fields, expected) in [
        ("/", &[][..], "method"),
        ("/", &[header], "method and header"),
        ("/?q=1", &[("cookie", "c=1")], "method"),
    ] {
        let found = built.find(&request("a", target, fields)).unwrap();
        assert_eq!(expected, &*built.route(found).name, "{target} {fields:?}");
    }
    let mut delete = request("a", "/?q=1", &[("cookie", "c=1"), header]);
    for (left_out, expected) in
        [("", "header"), ("x-h", "query"), (":path", "cookie"), ("cookie", "any")]
    {
        match left_out {
            ":path" => delete.set(b":path", b"/"),
            name => drop(delete.remove(name.as_bytes())),
        }
        delete.set(b":method", b"DELETE");
        let found = built.find(&delete).unwrap();
        assert_eq!(expected, &*built.route(found).name);
    }
}

/// The definition: try each route in order.
fn first(router: &Router, count: usize, request: &HeaderMap) -> Option<usize> {
    let field = |name: &[u8]| request.get(name).unwrap_or_default();
    let host = Authority::parse(field(b":authority")).unwrap().key();
    let path = view(split_query(field(b":path")).0);
    (0..count).find(|index| {
        let route = router.route(*index);
        route.hosts.iter().any(|pattern| pattern.matches(&host))
            && route.path.matches(&path)
            && route.conditions.unmet(request).is_none()
    })
}

#[test]
fn the_index_answers_what_trying_each_route_answers() {
    let hosts = ["", "a", "*.a", "b.a", "*"];
    let paths: Vec<PathMatch> =
        ["/", "/x", "/x/", "/x/y", "/xy", "//", "/x/y/", "//x", "/{v}", "/x/{v}"]
            .into_iter()
            .flat_map(|text| {
                let template = PathMatch::Template(text.to_owned());
                let others =
                    [PathMatch::Prefix(text.to_owned()), PathMatch::Exact(text.to_owned())];
                let literal = others.into_iter().filter(|_| !text.contains('{'));
                std::iter::once(template).chain(literal)
            })
            .chain(
                ["/x/{r:path}", "/{v}/y", "/{v}/{r:path}"]
                    .map(|text| PathMatch::Template(text.into())),
            )
            .chain(["/x/.*", ".*", "/x?", "/x/y|/xy"].map(|text| PathMatch::Regex(text.into())))
            .collect();
    let requests: Vec<HeaderMap> = ["a", "b.a", "c.b.a", "z"]
        .into_iter()
        .flat_map(|host| {
            ["/", "/x", "/x/", "/x/y", "/x/y/", "/xy", "//", "//x", "/z/y", "/%78", "*"]
                .map(|path| request(host, path, &[]))
        })
        .collect();
    let every: Vec<_> =
        hosts.iter().flat_map(|host| paths.iter().map(|path| route(host, path.clone()))).collect();
    // Pairs of all, a third of them: each with its own neighbours.
    for (at, one) in every.iter().enumerate() {
        for other in every.iter().skip(at % 3).step_by(3) {
            let routes = vec![one.clone(), other.clone()];
            let built = router(routes, Precedence::FileOrder).unwrap();
            for request in &requests {
                let found = built.find(request);
                assert_eq!(first(&built, 2, request), found, "{} {}", one.name, other.name);
            }
        }
    }
    // All of them together.
    let count = every.len();
    let router = router(every, Precedence::FileOrder).unwrap();
    for request in &requests {
        assert_eq!(first(&router, count, request), router.find(request));
    }
}

#[test]
fn of_many_expressions_the_next_takes_what_the_first_does_not_want() {
    let asks = |n: usize| ConditionSpec {
        headers: vec![("x-n".to_owned(), ValueMatch::Exact(n.to_string()))],
        ..ConditionSpec::default()
    };
    let texts = ["/.*", "/a.*", "/[a-z]+", "/a", "/(a|b)", ".*", "/a?", "/a|/b", "/[^/]*", "/..?"];
    let routes = texts.iter().cycle().take(40).enumerate().map(|(n, text)| RouteSpec {
        name: n.to_string(),
        conditions: asks(n),
        ..route("", PathMatch::Regex((*text).to_owned()))
    });
    for precedence in [Precedence::FileOrder, Precedence::Specificity] {
        let built = router(routes.clone().collect(), precedence).unwrap();
        for n in 0..40 {
            let found = built.find(&request("a", "/a", &[("x-n", &n.to_string())])).unwrap();
            assert_eq!(n.to_string(), &*built.route(found).name);
        }
        assert_eq!(None, built.find(&request("a", "/a", &[])));
    }
}

#[test]
fn two_hundred_routes_keep_their_order() {
    let mut specs: Vec<_> = (0..200).map(|n| prefix("", &format!("/r{n}/"))).collect();
    specs.push(prefix("", "/r199/late/"));
    let router = router(specs, Precedence::FileOrder).unwrap();
    assert_eq!(Some("/r0/"), name_of(&router, "a", "/r0/x"));
    assert_eq!(Some("/r199/"), name_of(&router, "a", "/r199/late/x"));
    assert_eq!(None, name_of(&router, "a", "/r200/"));
}

#[test]
fn mistakes_are_named() {
    let message =
        |spec: RouteSpec| router(vec![spec], Precedence::default()).err().unwrap().to_string();
    let action = ActionSpec::Forward(vec![("orders".into(), 1)]);
    let spec = RouteSpec { action, ..prefix("", "/a") };
    assert_eq!("route `/a`: there is no cluster `orders`", message(spec));
    let path_rewrite = Some(PathRewriteSpec::Prefix("v2".into()));
    let spec = RouteSpec { path_rewrite, ..prefix("", "/a") };
    assert_eq!(
        "route `/a`: `v2` is not a path prefix; it starts with / and has no query, no dot \
         segments and no bytes that must be percent-encoded",
        message(spec)
    );
    assert_eq!(
        "route `a:80/`: `a:80` is not a host; write a name, *.name or *, without a port",
        message(prefix("a:80", "/"))
    );
}

#[test]
fn names_and_ranges_are_checked() {
    let clusters = vec![cluster("site"), cluster("site")];
    let spec = RouterSpec { clusters, ..RouterSpec::default() };
    assert_eq!(Some(RouterError::RepeatedCluster("site".into())), Router::new(spec).err());
    let trusted_proxies = vec!["10.0.0.0/40".to_owned()];
    let error = Router::new(RouterSpec { trusted_proxies, ..RouterSpec::default() }).err();
    assert_eq!(Some(RouterError::Network(BadNetwork("10.0.0.0/40".into()))), error);
}
