//! A route: which requests it takes, and what it does with them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use wasmgate_host::{Chain, HeaderMap};

use crate::http::target::split_query;
use crate::routing::action::{Action, ActionSpec, BadAction};
use crate::routing::conditions::{ConditionSpec, Conditions};
use crate::routing::error::RouterError;
use crate::routing::field_changes::{FieldChanges, FieldChangesSpec};
use crate::routing::hash_key::HashBy;
use crate::routing::host_pattern::HostPattern;
use crate::routing::path_pattern::{PathMatch, PathPattern};
use crate::routing::path_prefix::view;
use crate::routing::rewrite::{
    self, HostRewriteSpec, PathRewrite, PathRewriteSpec, QueryRewrite, QueryRewriteSpec,
};
use crate::routing::variables::Facts;
use crate::websocket::limits::WebSocketLimits;

/// A route as configured.
#[derive(Clone)]
pub struct RouteSpec {
    /// The property `route_name`.
    pub name: String,
    /// Host names, `*.` and a host name for everything below it, or `*`; none are named: every host.
    pub hosts: Vec<String>,
    /// The path.
    pub path: PathMatch,
    /// What else is asked of a request.
    pub conditions: ConditionSpec,
    /// The policies.
    pub chain: Chain,
    /// What becomes of a request that they let pass.
    pub action: ActionSpec,
    /// What keeps requests together on one cluster or endpoint.
    pub hash_by: Option<HashBy>,
    /// Changes of the path of a forwarded request.
    pub path_rewrite: Option<PathRewriteSpec>,
    /// Changes of its query.
    pub query_rewrite: Option<QueryRewriteSpec>,
    /// The change of its authority.
    pub host_rewrite: Option<HostRewriteSpec>,
    /// Changes of its fields.
    pub request_headers: FieldChangesSpec,
    /// Changes of the fields of every response.
    pub response_headers: FieldChangesSpec,
    /// The time for the whole exchange.
    pub timeout: Option<Duration>,
    /// Bounds of its WebSocket connections.
    pub websocket: WebSocketLimits,
    /// The path as [`RouteSpec::check`] read it: an expression is compiled once.
    pub(crate) pattern: Option<PathPattern>,
}

impl RouteSpec {
    /// A route for every host that asks nothing but the path and changes nothing.
    #[must_use]
    pub fn new(name: &str, path: PathMatch, chain: Chain, action: ActionSpec) -> Self {
        Self {
            name: name.to_owned(),
            hosts: Vec::new(),
            path,
            conditions: ConditionSpec::default(),
            chain,
            action,
            hash_by: None,
            path_rewrite: None,
            query_rewrite: None,
            host_rewrite: None,
            request_headers: FieldChangesSpec::default(),
            response_headers: FieldChangesSpec::default(),
            timeout: None,
            websocket: WebSocketLimits::default(),
            pattern: None,
        }
    }

    /// Checks everything but that its clusters exist.
    ///
    /// # Errors
    /// The first mistake, in words.
    pub fn check(&mut self) -> Result<(), String> {
        let clusters = match &self.action {
            ActionSpec::Forward(named) => named.iter().map(|(name, _)| (name.clone(), 0)).collect(),
            ActionSpec::Redirect(_) | ActionSpec::Respond(_) => HashMap::new(),
        };
        let problem = |error| match error {
            RouterError::Invalid { problem, .. } => problem,
            other => other.to_string(),
        };
        let checked = Route::new(self.clone(), &clusters).map_err(problem)?;
        self.pattern = Some(checked.path);
        Ok(())
    }
}

/// A route, checked.
pub(crate) struct Route {
    pub name: Arc<str>,
    pub chain: Chain,
    pub action: Action,
    pub hash_by: Option<HashBy>,
    pub host_rewrite: Option<HostRewriteSpec>,
    pub timeout: Option<Duration>,
    pub websocket: WebSocketLimits,
    pub hosts: Vec<HostPattern>,
    pub path: PathPattern,
    pub conditions: Conditions,
    path_rewrite: Option<PathRewrite>,
    query_rewrite: Option<QueryRewrite>,
    request_headers: Option<FieldChanges>,
    response_headers: Option<FieldChanges>,
}

impl Route {
    pub fn new(spec: RouteSpec, clusters: &HashMap<String, usize>) -> Result<Self, RouterError> {
        let route = spec.name;
        let invalid = |problem| RouterError::Invalid { route: route.clone(), problem };
        let host = |host: &String| {
            let (route, host) = (route.clone(), host.clone());
            HostPattern::parse(&host).ok_or(RouterError::BadHost { route, host })
        };
        let mut hosts = spec.hosts.iter().map(host).collect::<Result<Vec<_>, _>>()?;
        if hosts.is_empty() {
            hosts.push(HostPattern::Any);
        }
        let path = match spec.pattern {
            Some(pattern) => pattern,
            None => PathPattern::parse(&spec.path).map_err(invalid)?,
        };
        let conditions = Conditions::parse(&spec.conditions).map_err(invalid)?;
        let action = Action::parse(spec.action, &path, clusters).map_err(|bad| match bad {
            BadAction::UnknownCluster(cluster) => {
                RouterError::UnknownCluster { route: route.clone(), cluster }
            }
            BadAction::Other(problem) => invalid(problem),
        })?;
        let path_rewrite = spec.path_rewrite.map(|its| PathRewrite::parse(&its, &path));
        let path_rewrite = path_rewrite.transpose().map_err(invalid)?;
        if let Some(HostRewriteSpec::Host(host)) = &spec.host_rewrite {
            rewrite::check_authority(host).map_err(invalid)?;
        }
        let captures = path.variables();
        let changes = |which: &str, spec: &FieldChangesSpec| {
            let parsed = FieldChanges::parse(spec, &captures);
            parsed.map_err(|wrong| invalid(format!("{which}: {wrong}")))
        };
        let request_headers = changes("request_headers", &spec.request_headers)?;
        let response_headers = changes("response_headers", &spec.response_headers)?;
        Ok(Self {
            request_headers,
            response_headers,
            chain: spec.chain,
            action,
            hash_by: spec.hash_by,
            host_rewrite: spec.host_rewrite,
            timeout: spec.timeout,
            websocket: spec.websocket,
            hosts,
            path,
            conditions,
            path_rewrite,
            query_rewrite: spec.query_rewrite.as_ref().map(QueryRewrite::new),
            name: route.into(),
        })
    }

    /// True if something of it depends on the address of the client.
    pub fn needs_address(&self) -> bool {
        self.hash_by.is_some() || self.request_headers.is_some() || self.response_headers.is_some()
    }

    /// True if it changes the fields of responses.
    pub fn changes_responses(&self) -> bool {
        self.response_headers.is_some()
    }

    /// The head of a request for the upstream, if the route changes its fields.
    pub fn change_request(
        &self,
        request: &HeaderMap,
        client: Option<&str>,
        cluster: &str,
    ) -> Option<HeaderMap> {
        let changes = self.request_headers.as_ref()?;
        let mut head = request.clone();
        self.apply(changes, &mut head, request, client, cluster);
        Some(head)
    }

    /// The head of a response for the client, if the route changes its fields.
    pub fn change_response(
        &self,
        response: &HeaderMap,
        request: &HeaderMap,
        client: Option<&str>,
        cluster: &str,
    ) -> Option<HeaderMap> {
        let changes = self.response_headers.as_ref()?;
        let mut head = response.clone();
        self.apply(changes, &mut head, request, client, cluster);
        Some(head)
    }

    fn apply(
        &self,
        changes: &FieldChanges,
        head: &mut HeaderMap,
        request: &HeaderMap,
        client: Option<&str>,
        cluster: &str,
    ) {
        let path = split_query(request.get(b":path").unwrap_or_default()).0;
        let seen = view(path);
        let captures = self.path.captures(path, &seen).unwrap_or_default();
        changes.apply(head, &Facts { request, client, route: &self.name, cluster, captures });
    }

    /// The target for the upstream, if the route changes it. A policy that moved the path out of
    /// the route's takes precedence: nothing of it is replaced then.
    pub fn rewrite(&self, target: &[u8]) -> Option<Vec<u8>> {
        if self.path_rewrite.is_none() && self.query_rewrite.is_none() {
            return None;
        }
        let (path, query) = (self.path_rewrite.as_ref(), self.query_rewrite.as_ref());
        rewrite::target(target, &self.path, path, query)
    }
}
