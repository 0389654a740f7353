//! A gateway as a careful Rust team would write it: hyper on both sides, one thread, a pool of
//! connections, aws-lc-rs with a parsed key, a token bucket for each user.
//!
//! Without `--key` it only forwards. With `--memory` tokens that verified are remembered, as wasmgate
//! does.

mod bucket;
mod memory;
mod policies;
mod proxy;
mod token;

use crate::policies::Policies;
use crate::proxy::Proxy;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::collections::HashMap;
use std::error::Error;
use std::sync::Arc;
use tokio::net::TcpListener;

fn main() -> Result<(), Box<dyn Error>> {
    let options = options(std::env::args().skip(1))?;
    let option = |name: &str| options.get(name).map(String::as_str);
    let memory = option("--memory").unwrap_or("0").parse()?;
    let policies = match option("--key") {
        Some(path) => Some(Policies::new(&std::fs::read_to_string(path)?, memory)?),
        None => None,
    };
    let proxy = Proxy::new(option("--upstream").unwrap_or("127.0.0.1:9000"), policies)?;
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(serve(option("--listen").unwrap_or("127.0.0.1:8080"), Arc::new(proxy)))
}

fn options(mut words: impl Iterator<Item = String>) -> Result<HashMap<String, String>, String> {
    let mut options = HashMap::new();
    while let Some(name) = words.next() {
        let value = words.next().ok_or_else(|| format!("{name} needs a value"))?;
        options.insert(name, value);
    }
    Ok(options)
}

async fn serve(address: &str, proxy: Arc<Proxy>) -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind(address).await?;
    loop {
        let (socket, peer) = listener.accept().await?;
        socket.set_nodelay(true)?;
        let proxy = Arc::clone(&proxy);
        tokio::spawn(async move {
            let service = service_fn(|request| proxy.answer(request, peer.ip()));
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .serve_connection(TokioIo::new(socket), service);
            // A client that closes its connection early is not an error of the gateway.
            let _ = connection.await;
        });
    }
}
