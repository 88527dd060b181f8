//! Requests: whoever is not who he says is refused, and so is what is too late, too long, for somebody else, or sent twice.

use serde_json::json;
use streams_archive::api::request::{MAX_BODY, MAX_LIFE, MAX_TARGET};
use streams_core::{Domain, VerifyingKey};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;
use crate::fixtures::bob;

#[test]
fn a_request_that_is_not_signed_is_refused() {
    in_time(async {
        let served = Served::start().await;
        let right = served.sent(Method::GET, "/streams", b"");
        for name in headers::ALL {
            served.expect(&right.without(name), 401, "unsigned").await;
        }
        served.expect(&Sent { headers: Vec::new(), ..right.clone() }, 401, "unsigned").await;
        let bearer = Sent { headers: vec![("authorization", "Bearer x".into())], ..right.clone() };
        served.expect(&bearer, 401, "unsigned").await;
        assert_eq!(served.send(&right).await.0, 200, "and this one is");
        assert_eq!(
            served.send(&Sent { target: "/healthz".into(), headers: Vec::new(), ..right }).await.0,
            200,
            "whether it runs, everybody may ask"
        );
    });
}

#[test]
fn a_header_that_is_not_as_it_must_be_is_refused() {
    in_time(async {
        let served = Served::start().await;
        let right = served.sent(Method::GET, "/streams", b"");
        for name in headers::ALL {
            let mut twice = right.clone();
            twice.headers.push((name, right.header(name).to_owned()));
            served.expect(&twice, 400, "header").await;
            if name != headers::AUDIENCE {
                for wrong in ["", "nonsense", "0", "-1"] {
                    let is_number = name == headers::EXPIRES && wrong == "0";
                    let (status, code) = if is_number { (401, "expired") } else { (400, "header") };
                    served.expect(&right.with(name, wrong), status, code).await;
                }
            }
        }
        for name in [headers::NONCE, headers::BODY, headers::SIGNATURE] {
            served.expect(&right.with(name, &right.header(name).to_uppercase().replace('0', "A")), 400, "header").await;
            served.expect(&right.with(name, &right.header(name)[2..]), 400, "header").await;
            served.expect(&right.with(name, &format!("{}00", right.header(name))), 400, "header").await;
        }
        for wrong in [format!("0{}", NOW + LIFE), format!("+{}", NOW + LIFE), "99999999999999999999".to_owned()] {
            served.expect(&right.with(headers::EXPIRES, &wrong), 400, "header").await;
        }
        // Of the form of a key, and of no point.
        let own = right.header(headers::KEY);
        let mut like = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ".chars().map(|last| format!("{}{last}", &own[..47]));
        let is_no_point =
            |text: &String| streams_core::author_bytes(text).is_ok() && text.parse::<VerifyingKey>().is_err();
        served.expect(&right.with(headers::KEY, &like.find(is_no_point).unwrap()), 400, "header").await;
    });
}

#[test]
fn tampered_headers_wrong_method_and_wrong_path_are_refused() {
    in_time(async {
        let served = Served::start().await;
        let stream = served.stream(Vec::new(), 3).await;
        let target = format!("/streams/{stream}/objects?limit=1");
        let right = served.sent(Method::GET, &target, b"");
        let flip = |text: &str| format!("{}{}", if text.starts_with('0') { '1' } else { '0' }, &text[1..]);
        for name in [headers::NONCE, headers::BODY, headers::SIGNATURE] {
            served.expect(&right.with(name, &flip(right.header(name))), 401, "request-signature").await;
        }
        let later = (NOW + LIFE + 1).to_string();
        served.expect(&right.with(headers::EXPIRES, &later), 401, "request-signature").await;
        let other = eve().verifying_key().to_string();
        served.expect(&right.with(headers::KEY, &other), 401, "request-signature").await;
        for method in [Method::POST, Method::DELETE, Method::HEAD, Method::PUT] {
            let (status, answer) = served.send(&Sent { method: method.clone(), ..right.clone() }).await;
            let code = answer["code"].as_str();
            let is_right = code == Some("request-signature") || (method == Method::HEAD && code.is_none());
            assert!(status == 401 && is_right, "{method} {status} {answer}");
        }
        for target in [
            format!("/streams/{stream}/objects?limit=2"),
            format!("/streams/{stream}/objects"),
            format!("/streams/{stream}/objects?limit=1&"),
            format!("/streams/{stream}/edges?limit=1"),
            format!("/Streams/{stream}/objects?limit=1"),
            "/nowhere".to_owned(),
        ] {
            served.expect(&Sent { target, ..right.clone() }, 401, "request-signature").await;
        }
        // A signature under another domain is none.
        let request = Request {
            method: "GET",
            target: &target,
            body: *blake3::hash(b"").as_bytes(),
            audience: served.at.key(),
            nonce: [1; 16],
            expires: NOW + LIFE,
        };
        for domain in [Domain::Object, Domain::Session, Domain::Statement, Domain::Archive] {
            let mut sent = right.with(headers::NONCE, &"01".repeat(16));
            let signature = ada().sign(domain, &request.message());
            sent = sent.with(headers::SIGNATURE, &data_encoding::HEXLOWER.encode(&signature));
            served.expect(&sent, 401, "request-signature").await;
        }
        let (status, page) = served.send(&right).await;
        assert_eq!((status, page["objects"].as_array().unwrap().len()), (200, 1), "what was refused took no nonce");
    });
}

#[test]
fn a_replay_is_refused_and_of_many_at_once_one_comes_through() {
    in_time(async {
        let served = Arc::new(Served::start().await);
        let right = served.sent(Method::GET, "/streams", b"");
        assert_eq!(served.send(&right).await.0, 200);
        served.expect(&right, 409, "replayed").await;
        served.clock.set(NOW + LIFE - 1);
        served.expect(&right, 409, "replayed").await;
        served.clock.set(NOW + LIFE);
        served.expect(&right, 401, "expired").await;
        let again = served.sent(Method::GET, "/streams", b"");
        let mut sending = tokio::task::JoinSet::new();
        for _ in 0..20 {
            let (served, again) = (served.clone(), again.clone());
            sending.spawn(async move { served.send(&again).await.0 });
        }
        let mut statuses = sending.join_all().await;
        statuses.sort_unstable();
        assert_eq!((statuses[0], &statuses[1..]), (200, &[409; 19][..]));
    });
}

#[test]
fn what_is_expired_or_expires_too_far_away_is_refused() {
    in_time(async {
        let served = Served::start().await;
        for (skew, status, code) in [
            // The clock of the caller is behind, or ahead, by so much.
            (-(LIFE as i64), 401, Some("expired")),
            (-(LIFE as i64) + 1, 200, None),
            ((MAX_LIFE - LIFE) as i64, 200, None),
            ((MAX_LIFE - LIFE) as i64 + 1, 400, Some("expires-too-far")),
            (i64::MAX / 2, 400, Some("expires-too-far")),
            (-(NOW as i64), 401, Some("expired")),
        ] {
            served.clock.set(NOW.saturating_add_signed(skew));
            let sent = served.sent(Method::GET, "/streams", b"");
            served.clock.set(NOW);
            let (found, answer) = served.send(&sent).await;
            assert_eq!((found, answer["code"].as_str()), (status, code), "{skew}: {answer}");
        }
        let mut request = served.sent(Method::GET, "/streams", b"");
        request = request.with(headers::EXPIRES, &u64::MAX.to_string());
        served.expect(&request, 400, "expires-too-far").await;
    });
}

#[test]
fn a_request_for_another_server_is_refused() {
    in_time(async {
        let (one, other) = (Served::start().await, Served::start().await);
        let sent = one.sent(Method::GET, "/streams", b"");
        // Two servers with one key are one.
        assert_eq!(other.send(&sent).await.0, 200);
        let elsewhere: Address =
            one.at.to_string().replace(&one.at.key().to_string(), &bob().verifying_key().to_string()).parse().unwrap();
        let client = Client::new(elsewhere, ada(), one.clock.clone()).unwrap();
        assert_eq!(refused(client.streams().await), "wrong-audience");
        for audience in
            ["", "*", "127.0.0.1", &bob().verifying_key().to_string(), &one.at.key().to_string().to_lowercase()]
        {
            one.expect(
                &one.sent(Method::GET, "/streams", b"").with(headers::AUDIENCE, audience),
                421,
                "wrong-audience",
            )
            .await;
        }
    });
}

#[test]
fn another_body_and_one_that_is_too_long_are_refused() {
    in_time(async {
        let served = Served::start().await;
        let stream = served.stream(Vec::new(), 1).await;
        let target = format!("/streams/{stream}/asks");
        let right = served.sent(Method::POST, &target, br#"{"note": "let me"}"#);
        for body in [&b""[..], br#"{"note": "let mE"}"#, br#"{"note": "let me"} "#] {
            served.expect(&Sent { body: body.to_vec(), ..right.clone() }, 400, "wrong-body").await;
        }
        assert_eq!(served.send(&right).await.0, 202, "a wrong body used no nonce up");
        let long = vec![b'x'; MAX_BODY + 1];
        // What says that it is too long is not read: the answer comes before the body.
        let sent = served.sent(Method::POST, &target, &long);
        let url = served.at.to_string().replace(&format!("{}@", served.at.key()), "");
        let mut link = TcpStream::connect(url.trim_start_matches("http://")).await.unwrap();
        let mut head = format!("POST {target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n");
        head += &format!("content-length: {}\r\n", long.len());
        sent.headers.iter().for_each(|(name, value)| head += &format!("{name}: {value}\r\n"));
        link.write_all(format!("{head}\r\n").as_bytes()).await.unwrap();
        let mut answer = String::new();
        link.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 413 ") && answer.contains("\"code\":\"too-large\""), "{answer}");
        served
            .expect(
                &served.sent(Method::GET, &format!("/streams?{}", "x".repeat(MAX_TARGET)), b""),
                414,
                "target-too-long",
            )
            .await;
        // One that does not say how long it is.
        let pieces: Vec<Result<Vec<u8>, std::io::Error>> =
            long.chunks(65_536).map(|piece| Ok(piece.to_vec())).collect();
        let url = served.at.to_string().replace(&format!("{}@", served.at.key()), "") + &target;
        let mut request =
            reqwest_client().post(url).body(reqwest::Body::wrap_stream(futures_util::stream::iter(pieces)));
        for (name, value) in &sent.headers {
            request = request.header(*name, value);
        }
        // The server need not read all of it: the link may break while the rest is sent.
        if let Ok(response) = request.send().await {
            let (status, answer) = answered(response).await;
            assert_eq!((status, &answer["code"]), (413, &json!("too-large")));
        }
        assert_eq!(served.client(ada()).asks(stream).await.unwrap().len(), 1);
    });
}

#[test]
fn the_example_on_paper_is_right_to_the_byte() {
    let page = include_str!("../../../../../docs/archival.md");
    let [server, caller] = [1, 2].map(|byte| SigningKey::from_bytes([byte; 32]));
    let request = Request {
        method: "GET",
        target: "/streams",
        body: *blake3::hash(b"").as_bytes(),
        audience: server.verifying_key(),
        nonce: std::array::from_fn(|at| at as u8),
        expires: NOW,
    };
    let lines = String::from_utf8(request.message()).unwrap();
    assert!(page.contains(&format!("```text\n{lines}```")), "{lines}");
    for (name, value) in request.sign(&caller) {
        let line = format!("-H '{name}: {value}'");
        assert!(page.contains(&line), "{line}");
    }
}
