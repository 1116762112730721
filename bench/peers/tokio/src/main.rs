// tokio: servers, and the workloads of one process. tokio-bench WORKLOAD [PORT], on one thread
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{mpsc, oneshot, Mutex, Notify};

fn out(peer: &str, wl: &str, v: f64, unit: &str) {
    println!("{} {} {:.3} {}", peer, wl, v, unit);
}
fn rss() -> f64 {
    let s = std::fs::read_to_string("/proc/self/smaps_rollup").unwrap();
    for l in s.lines() {
        if l.starts_with("Rss:") {
            return l.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() * 1024.0;
        }
    }
    0.0
}
fn per(t: Instant, n: u64) -> f64 {
    t.elapsed().as_nanos() as f64 / n as f64
}
const RESP: &[u8] =
    b"HTTP/1.1 200 OK\r\nServer: p\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nHello";

async fn serve(port: u16, http: bool) {
    let sock = tokio::net::TcpSocket::new_v4().unwrap();
    sock.set_reuseaddr(true).unwrap();
    sock.bind(format!("0.0.0.0:{}", port).parse().unwrap()).unwrap();
    let l = sock.listen(4096).unwrap();
    loop {
        let (mut s, _) = match l.accept().await {
            Ok(x) => x,
            Err(_) => continue,
        };
        s.set_nodelay(true).ok();
        tokio::spawn(async move {
            let mut b = vec![0u8; 65536];
            let mut st = 0u8;
            let mut ob: Vec<u8> = Vec::new();
            loop {
                let n = match s.read(&mut b).await {
                    Ok(0) | Err(_) => break,
                    Ok(n) => n,
                };
                if !http {
                    if s.write_all(&b[..n]).await.is_err() {
                        break;
                    }
                    continue;
                }
                ob.clear();
                for &c in &b[..n] {
                    if c == b'\r' {
                        st = if st == 2 { 3 } else { 1 }
                    } else if c == b'\n' {
                        if st == 3 {
                            ob.extend_from_slice(RESP);
                            st = 0
                        } else {
                            st = if st == 1 { 2 } else { 0 }
                        }
                    } else {
                        st = 0
                    }
                }
                if !ob.is_empty() && s.write_all(&ob).await.is_err() {
                    break;
                }
            }
        });
    }
}
async fn udp(port: u16) {
    let s = tokio::net::UdpSocket::bind(format!("0.0.0.0:{}", port)).await.unwrap();
    let mut b = vec![0u8; 2048];
    loop {
        if let Ok((n, from)) = s.recv_from(&mut b).await {
            s.send_to(&b[..n], from).await.ok();
        }
    }
}
async fn mem(p: &str, n: u64, tag: &str) {
    let nt = Arc::new(Notify::new());
    let started = Arc::new(AtomicU64::new(0));
    let a = rss();
    let t = Instant::now();
    for _ in 0..n {
        let nt = nt.clone();
        let st = started.clone();
        tokio::spawn(async move {
            st.fetch_add(1, Relaxed);
            nt.notified().await;
        });
    }
    while started.load(Relaxed) < n {
        tokio::task::yield_now().await;
    }
    out(p, &format!("memory_{}_create", tag), per(t, n), "ns/task");
    out(p, &format!("memory_{}", tag), (rss() - a) / n as f64, "B/task");
}
async fn run(p: String, wl: String, port: u16) {
    let p = p.as_str();
    match wl.as_str() {
        "echo" => serve(port, false).await,
        "http" => serve(port, true).await,
        "udp" => udp(port).await,
        "switch" => {
            let n = 3_000_000u64;
            let t = Instant::now();
            let hs: Vec<_> = (0..2)
                .map(|_| {
                    tokio::spawn(async move {
                        for _ in 0..n {
                            tokio::task::yield_now().await;
                        }
                    })
                })
                .collect();
            for h in hs {
                h.await.unwrap();
            }
            out(p, "switch", per(t, 2 * n), "ns");
        }
        "spawn_join" => {
            let n = 1_000_000u64;
            let t = Instant::now();
            let mut x = 0u64;
            for i in 0..n {
                x = x.wrapping_add(tokio::spawn(async move { i }).await.unwrap());
            }
            std::hint::black_box(x);
            out(p, "spawn_join", per(t, n), "ns");
        }
        "spawn_gather" => {
            let (n, r) = (10_000u64, 50u64);
            let mut t = Instant::now();
            for round in 0..=r {
                if round == 1 {
                    t = Instant::now(); // the first time was for the memory
                }
                let hs: Vec<_> = (0..n).map(|i| tokio::spawn(async move { i })).collect();
                for h in hs {
                    std::hint::black_box(h.await.unwrap());
                }
            }
            out(p, "spawn_gather", per(t, n * r), "ns/task");
        }
        "memory_100k" => mem(p, 100_000, "100k").await,
        "memory_1m" => mem(p, 1_000_000, "1m").await,
        "timer_cancel" => {
            let n = 1_000_000usize;
            let mut s = 88172645463325252u64;
            let mut v: Vec<std::pin::Pin<Box<tokio::time::Sleep>>> = Vec::with_capacity(n);
            let mut t = Instant::now();
            std::future::poll_fn(|cx| {
                for i in 0..2 * n {
                    if i == n {
                        v.clear(); // the first time was for the memory
                        t = Instant::now();
                    }
                    s ^= s << 13;
                    s ^= s >> 7;
                    s ^= s << 17;
                    let mut f = Box::pin(tokio::time::sleep(Duration::from_nanos(
                        1_000_000_000 + s % 60_000_000_000,
                    )));
                    // Polled once inside unconstrained(): without it the coop budget may make the
                    // future pending before its timer is registered.
                    let mut u = tokio::task::unconstrained(f.as_mut());
                    let _ = std::future::Future::poll(std::pin::Pin::new(&mut u), cx);
                    v.push(f);
                }
                std::task::Poll::Ready(())
            })
            .await;
            v.clear();
            out(p, "timer_cancel", per(t, n as u64), "ns");
        }
        "sleepers" | "sleepers_10k" => {
            let n: u64 = if wl == "sleepers" { 100_000 } else { 10_000 };
            let start = Instant::now();
            let begun = Arc::new(AtomicU64::new(0));
            // As in sleepers.h; in nanoseconds from the start.
            let since = Arc::new(AtomicU64::new(u64::MAX / 2));
            let hs: Vec<_> = (0..n)
                .map(|i| {
                    let (begun, since) = (begun.clone(), since.clone());
                    tokio::spawn(async move {
                        if begun.fetch_add(1, Relaxed) + 1 == n {
                            since.store(start.elapsed().as_nanos() as u64, Relaxed);
                        }
                        let mut s = i.wrapping_mul(2654435761) + 88172645463325252;
                        let mut l: Vec<u32> = Vec::new();
                        loop {
                            s ^= s << 13;
                            s ^= s >> 7;
                            s ^= s << 17;
                            let d = Duration::from_nanos(s % 100_000_000);
                            let t0 = Instant::now();
                            let end = since.load(Relaxed) + 3_000_000_000;
                            if (t0 - start).as_nanos() as u64 > end {
                                break;
                            }
                            tokio::time::sleep(d).await;
                            if start.elapsed().as_nanos() as u64 >= since.load(Relaxed) {
                                l.push((t0.elapsed() - d).as_micros() as u32);
                            }
                        }
                        l
                    })
                })
                .collect();
            let mut all: Vec<u32> = Vec::new();
            for h in hs {
                all.extend(h.await.unwrap());
            }
            let el = start.elapsed().as_secs_f64() - since.load(Relaxed) as f64 / 1e9;
            all.sort_unstable();
            out(p, wl.as_str(), all.len() as f64 / el, "wakeups/s");
            out(p, &format!("{}_p99", wl), all[all.len() * 99 / 100] as f64, "us");
        }
        "queue" => {
            let n = 1_000_000u64;
            let (a, mut ar) = mpsc::channel::<u64>(1);
            let (b, mut br) = mpsc::channel::<u64>(1);
            tokio::spawn(async move {
                while let Some(v) = ar.recv().await {
                    if b.send(v).await.is_err() {
                        break;
                    }
                }
            });
            tokio::spawn(async move {
                let t = Instant::now();
                for i in 0..n {
                    a.send(i).await.unwrap();
                    br.recv().await.unwrap();
                }
                t
            })
            .await
            .map(|t| out(p, "queue", per(t, 2 * n), "ns/msg"))
            .unwrap();
        }
        "lock" => {
            let (k, n) = (100u64, 10_000u64);
            let m = Arc::new(Mutex::new(0u64));
            let t = Instant::now();
            let hs: Vec<_> = (0..k)
                .map(|_| {
                    let m = m.clone();
                    tokio::spawn(async move {
                        for _ in 0..n {
                            let mut g = m.lock().await;
                            *g += 1;
                            tokio::task::yield_now().await;
                        }
                    })
                })
                .collect();
            for h in hs {
                h.await.unwrap();
            }
            out(p, "lock", per(t, k * n), "ns/acquire");
        }
        "post_rt" | "post_flood" => {
            // another OS thread: Handle::spawn round trip (reply by std channel), then a flood
            let h = tokio::runtime::Handle::current();
            let (fin, finr) = oneshot::channel::<()>();
            let p2 = p.to_string();
            std::thread::spawn(move || {
                if wl == "post_flood" {
                    let m = 1_000_000u64;
                    let c = Arc::new(AtomicU64::new(0));
                    let t = Instant::now();
                    for _ in 0..m {
                        let c = c.clone();
                        h.spawn(async move {
                            c.fetch_add(1, Relaxed);
                        });
                    }
                    while c.load(Relaxed) < m {
                        std::thread::yield_now();
                    }
                    out(&p2, "post_flood", m as f64 / t.elapsed().as_secs_f64(), "posts/s");
                    fin.send(()).unwrap();
                    return;
                }
                let n = 100_000u64;
                let (tx, rx) = std::sync::mpsc::sync_channel::<u32>(1);
                let t = Instant::now();
                for _ in 0..n {
                    let tx = tx.clone();
                    h.spawn(async move {
                        tx.send(1).unwrap();
                    });
                    rx.recv().unwrap();
                }
                out(&p2, "post_rt", per(t, n) / 1e3, "us");
                fin.send(()).unwrap();
            });
            finr.await.unwrap();
        }
        "executor_rt" | "executor_flood" => {
            if wl == "executor_rt" {
                let n = 100_000u64;
                let t = Instant::now();
                for _ in 0..n {
                    tokio::task::spawn_blocking(|| 1).await.unwrap();
                }
                out(p, "executor_rt", per(t, n) / 1e3, "us");
                return;
            }
            let (r, b) = (50u64, 10_000u64);
            let t = Instant::now();
            for _ in 0..r {
                let hs: Vec<_> = (0..b).map(|_| tokio::task::spawn_blocking(|| 1)).collect();
                for h in hs {
                    h.await.unwrap();
                }
            }
            out(
                p,
                "executor_flood",
                (r * b) as f64 / t.elapsed().as_secs_f64(),
                "jobs/s",
            );
        }
        _ => eprintln!("unknown workload"),
    }
}
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let workload = args[1].clone();
    let port = args.get(2).and_then(|s| s.parse().ok()).unwrap_or(0u16);
    let workers = std::env::var("TOKIO_WORKERS").map_or(0, |n| n.parse().unwrap());
    let mut builder = if workers > 0 {
        tokio::runtime::Builder::new_multi_thread()
    } else {
        tokio::runtime::Builder::new_current_thread()
    };
    if workers > 0 {
        builder.worker_threads(workers);
    }
    let runtime = builder
        .enable_all()
        .max_blocking_threads(4)
        .build()
        .unwrap();

    // In a spawned task: block_on's own future is woken through a slower path.
    runtime.block_on(async move {
        tokio::spawn(run("tokio".to_string(), workload, port))
            .await
            .unwrap()
    });
    std::process::exit(0);
}
