//! What a route does with a request that its policies let pass.

use std::collections::HashMap;

use wasmgate_host::{HeaderMap, LocalResponse};

use crate::http::fields::{is_field_value, is_token};
use crate::routing::path_pattern::PathPattern;
use crate::routing::redirect::{Redirect, RedirectSpec};
use crate::routing::weighted::Weighted;

/// An action as configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ActionSpec {
    /// It is forwarded to one of these clusters, to each as often as its weight says.
    Forward(Vec<(String, u32)>),
    /// The client is sent elsewhere.
    Redirect(RedirectSpec),
    /// It is answered here.
    Respond(ResponseSpec),
}

/// A response of a route itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResponseSpec {
    /// Its status, 200 to 599.
    pub status: u16,
    /// Its fields.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Vec<u8>,
}

/// An action, checked; clusters by their index.
#[derive(Debug)]
pub(crate) enum Action {
    Forward(usize),
    Split(Weighted<usize>),
    Redirect(Redirect),
    Respond(LocalResponse),
}

/// What is wrong with an action.
pub(crate) enum BadAction {
    UnknownCluster(String),
    /// In words.
    Other(String),
}

impl Action {
    /// Reads an action for a route of this path.
    pub fn parse(
        spec: ActionSpec,
        path: &PathPattern,
        clusters: &HashMap<String, usize>,
    ) -> Result<Self, BadAction> {
        match spec {
            ActionSpec::Forward(names) => forward(names, clusters),
            ActionSpec::Redirect(spec) => {
                let redirect = Redirect::parse(spec, path).map(Self::Redirect);
                redirect.map_err(|wrong| BadAction::Other(format!("its redirect: {wrong}")))
            }
            ActionSpec::Respond(spec) => {
                let response = response(spec).map(Self::Respond);
                response.map_err(|wrong| BadAction::Other(format!("its response: {wrong}")))
            }
        }
    }

    /// The cluster that is named to policies: the first one, if there is any.
    pub fn named_cluster(&self) -> Option<usize> {
        match self {
            Self::Forward(cluster) => Some(*cluster),
            Self::Split(clusters) => clusters.iter().next().copied(),
            Self::Redirect(_) | Self::Respond(_) => None,
        }
    }
}

fn forward(
    names: Vec<(String, u32)>,
    clusters: &HashMap<String, usize>,
) -> Result<Action, BadAction> {
    if names.iter().all(|(_, weight)| *weight == 0) {
        return Err(BadAction::Other("no cluster has a weight".to_owned()));
    }
    let index = |(name, weight): (String, u32)| match clusters.get(&name) {
        Some(index) => Ok((*index, weight)),
        None => Err(BadAction::UnknownCluster(name)),
    };
    let known = names.into_iter().map(index).collect::<Result<Vec<_>, _>>()?;
    match known[..] {
        [(only, _)] => Ok(Action::Forward(only)),
        _ => Ok(Action::Split(Weighted::new(known))),
    }
}

fn response(spec: ResponseSpec) -> Result<LocalResponse, String> {
    if !(200..600).contains(&spec.status) {
        return Err(format!("{} is not a status from 200 to 599", spec.status));
    }
    let mut headers = HeaderMap::with_capacity(spec.headers.len(), 64);
    for (name, value) in &spec.headers {
        if !is_token(name.as_bytes()) {
            return Err(format!("`{name}` is not a field name"));
        }
        if !is_field_value(value.as_bytes()) {
            return Err(format!("the value of {name} has a control character"));
        }
        headers.push(name.to_ascii_lowercase().as_bytes(), value.as_bytes());
    }
    let details = "direct_response".into();
    Ok(LocalResponse { status: spec.status, headers, body: spec.body, details })
}
