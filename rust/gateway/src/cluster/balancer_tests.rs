//! All algorithms, through a cluster.

use std::collections::HashMap;

use crate::cluster::{Cluster, ClusterSpec};
use crate::http::hash::hash;

fn cluster(lb_policy: &str, weights: &[u32]) -> Cluster {
    let url = |at: usize| format!("http://10.0.0.{at}:80");
    let endpoints = weights.iter().enumerate().map(|(at, weight)| (url(at), *weight)).collect();
    let (name, lb_policy) = ("site".into(), lb_policy.into());
    Cluster::new(ClusterSpec { name, endpoints, lb_policy, panic_threshold: 0 }).unwrap()
}

const ALL: [&str; 5] = ["round_robin", "least_request", "random", "ring_hash", "maglev"];

/// How often each endpoint is picked in so many picks, each with a key of its own.
fn picks(cluster: &Cluster, count: usize) -> HashMap<usize, usize> {
    let mut picked = HashMap::new();
    for n in 0..count {
        let key = Some(hash(format!("key {n}").as_bytes()));
        *picked.entry(cluster.pick(key).unwrap()).or_default() += 1;
    }
    picked
}

#[test]
fn each_endpoint_has_its_share() {
    for lb_policy in ALL {
        let picked = picks(&cluster(lb_policy, &[1, 2, 3, 0]), 6000);
        assert_eq!(None, picked.get(&3), "{lb_policy}");
        for (index, share) in [(0, 1000), (1, 2000), (2, 3000)] {
            let found = picked[&index];
            // A ring of 1,024 points is not exact, and neither is chance.
            assert!(found.abs_diff(share) < 350, "{lb_policy} {index}: {found}");
        }
    }
}

#[test]
fn turns_are_taken_in_order() {
    let cluster = cluster("round_robin", &[1; 5]);
    let six = || (0..6).map(|_| cluster.pick(None)).collect::<Vec<_>>();
    assert_eq!([0, 1, 2, 3, 4, 0].map(Some).to_vec(), six());
    for index in [0, 2, 3] {
        cluster.set_available(index, false);
    }
    assert!(six().iter().all(|picked| matches!(picked, Some(1 | 4))));
    assert_eq!(picks(&cluster, 100), HashMap::from([(1, 50), (4, 50)]));
}

#[test]
fn what_is_not_available_is_not_picked() {
    for lb_policy in ALL {
        let cluster = cluster(lb_policy, &[1; 100]);
        for index in 0..99 {
            cluster.set_available(index, false);
        }
        assert_eq!(HashMap::from([(99, 50)]), picks(&cluster, 50), "{lb_policy}");
        cluster.set_available(99, false);
        assert_eq!((None, None), (cluster.pick(None), cluster.pick(Some(7))), "{lb_policy}");
        let empty = self::cluster(lb_policy, &[]);
        assert_eq!((None, None), (empty.pick(None), empty.pick(Some(7))), "{lb_policy}");
        let weightless = self::cluster(lb_policy, &[0, 0]);
        assert!(weightless.pick(None).is_none_or(|index| index < 2), "{lb_policy}");
    }
}

#[test]
fn too_few_available_endpoints_are_ignored() {
    let endpoints = (0..4).map(|at| (format!("http://10.0.0.{at}:80"), 1)).collect();
    let (name, lb_policy) = ("site".into(), "round_robin".into());
    let spec = ClusterSpec { name, endpoints, lb_policy, panic_threshold: 50 };
    let cluster = Cluster::new(spec).unwrap();
    cluster.set_available(0, false);
    cluster.set_available(1, false);
    assert_eq!(HashMap::from([(2, 20), (3, 20)]), picks(&cluster, 40));
    cluster.set_available(2, false);
    assert_eq!(4, picks(&cluster, 40).len());
}

#[test]
fn equal_keys_go_to_one_endpoint_and_move_only_if_it_is_gone() {
    for lb_policy in ["ring_hash", "maglev"] {
        let cluster = cluster(lb_policy, &[1; 10]);
        let key = |n: u64| Some(hash(&n.to_be_bytes()));
        let before: Vec<_> = (0..1000).map(|n| cluster.pick(key(n))).collect();
        assert_eq!(before, (0..1000).map(|n| cluster.pick(key(n))).collect::<Vec<_>>());
        cluster.set_available(3, false);
        let after: Vec<_> = (0..1000).map(|n| cluster.pick(key(n))).collect();
        for (old, new) in before.iter().zip(&after) {
            assert_eq!(*old == Some(3), old != new, "{lb_policy}");
        }
        // The keys of the one that is gone are spread over the others.
        let of_gone = before.iter().zip(&after).filter(|(old, _)| **old == Some(3));
        let heirs: std::collections::HashSet<_> = of_gone.map(|(_, new)| new).collect();
        assert!(heirs.len() > 5, "{lb_policy} {}", heirs.len());
    }
}

#[test]
fn the_less_busy_of_two_endpoints_is_picked() {
    let cluster = cluster("least_request", &[1, 1]);
    let busy: Vec<_> = (0..3).map(|_| cluster.enter(0).unwrap()).collect();
    assert_eq!(HashMap::from([(1, 50)]), picks(&cluster, 50));
    drop(busy);
    assert_eq!(2, picks(&cluster, 50).len());
    let weighted = self::cluster("least_request", &[8, 1]);
    let _busy: Vec<_> = [0, 0, 0, 0, 1].map(|index| weighted.enter(index).unwrap()).into();
    assert_eq!(HashMap::from([(0, 50)]), picks(&weighted, 50));
    assert!(self::cluster("random", &[1]).enter(0).is_none());
}
