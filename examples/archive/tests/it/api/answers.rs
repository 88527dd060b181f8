//! Answers: to each what the rules of a stream give, and from a server nothing that it cannot prove.

use serde_json::json;
use streams_archive::api::asks::MAX_ASKS;
use streams_archive::api::server::MAX_STREAMS;
use streams_archive::members::{self, Role};
use streams_core::object::header::types;
use streams_core::sync::messages::MAX_NOTE;
use streams_core::{ObjectId, VerifyingKey};

use super::*;
use crate::fixtures::{bob, hash_key};

#[test]
fn a_key_that_no_rule_names_reads_what_everybody_may_and_nothing_else() {
    in_time(async {
        let served = Served::start().await;
        let (public, private) = (served.stream(Vec::new(), 2).await, served.private().await);
        let (owner, stranger) = (served.client(ada()), served.client(eve()));
        let ids = |streams: Vec<streams_archive::api::Readable>| -> Vec<StreamId> {
            streams.into_iter().map(|readable| readable.stream).collect()
        };
        let mut both = vec![public, private];
        both.sort_unstable();
        assert_eq!(ids(owner.streams().await.unwrap()), both);
        assert_eq!(ids(stranger.streams().await.unwrap()), [public]);
        assert_eq!(refused(stranger.page(private, None, 10).await), "denied");
        assert_eq!(refused(stranger.object(private, private).await), "denied");
        assert_eq!(refused(stranger.edges(private).await), "denied");
        assert_eq!(refused(stranger.copy(private, |_| ()).await), "denied");
        assert_eq!(refused(stranger.invite(private, &eve().verifying_key(), Role::Reader).await), "denied");
        assert_eq!(refused(stranger.asks(private).await), "not-governing");
        let nothing = ObjectId::from_bytes([9; 32]);
        for client in [&owner, &stranger] {
            assert_eq!(refused(client.page(nothing, None, 10).await), "unknown");
            assert_eq!(refused(client.object(public, nothing).await), "no-object");
            assert_eq!(refused(client.page(public, Some(nothing), 10).await), "no-object");
        }
        for (target, status, code) in [
            ("/streams/nonsense/objects", 400, "id"),
            ("/streams?after=nonsense", 400, "id"),
            ("/streams?limit=x", 400, "query"),
            ("/streams?whatever=1", 400, "query"),
            ("/nowhere", 404, "nowhere"),
            ("/", 404, "nowhere"),
        ] {
            served.expect(&served.sent(Method::GET, target, b""), status, code).await;
        }
        served.expect(&served.sent(Method::DELETE, "/streams", b""), 405, "method").await;
    });
}

#[test]
fn pages_are_in_order_and_complete_whatever_their_size() {
    in_time(async {
        let served = Served::start().await;
        let stream = served.stream(Vec::new(), 300).await;
        let order: Vec<ObjectId> = served.node.read(stream, |stream| stream.order().collect()).await.unwrap();
        let client = served.client(bob());
        for limit in [1, 7, 16, 17, 256, 10_000] {
            let (mut all, mut after) = (Vec::new(), None);
            loop {
                let (objects, next) = client.page(stream, after, limit).await.unwrap();
                assert!(objects.len() <= limit.min(256));
                all.extend(objects.iter().map(|object| object.id()));
                after = next;
                if next.is_none() {
                    break;
                }
            }
            assert_eq!(all, order, "{limit}");
        }
        let copy = client.copy(stream, |_| ()).await.unwrap();
        assert_eq!(copy.stream.order().collect::<Vec<_>>(), order);
        assert!(copy.rejected.is_empty());
        // What is large comes in pages that are not.
        let large = |edges| {
            let data = Map::new().with("text", Value::Text("x".repeat(400_000))).unwrap();
            Draft::event("example.org/list.Added", edges).data(data)
        };
        for _ in 0..6 {
            served.client(ada()).append(stream, large).await.unwrap();
        }
        let (objects, next) = client.page(stream, order.last().copied(), 100).await.unwrap();
        assert!(objects.len() == 3 && next.is_some(), "{}", objects.len());
        assert_eq!(client.copy(stream, |_| ()).await.unwrap().stream.len(), 307);
    });
}

#[test]
fn many_streams_come_in_pages() {
    in_time(async {
        let served = Served::start().await;
        let mut public = Vec::new();
        for number in 0..MAX_STREAMS * 2 {
            let rules = match number % 3 {
                0 => vec![Rule::readers([&ada().verifying_key()])],
                _ => Vec::new(),
            };
            let is_public = rules.is_empty();
            let root = Draft::root("example.org/list", [number as u8; 16]).policies(rules).sign(&ada()).unwrap();
            let stream = served.node.create(root).await.unwrap();
            public.extend(is_public.then_some(stream));
        }
        public.sort_unstable();
        let listed: Vec<StreamId> =
            served.client(bob()).streams().await.unwrap().iter().map(|readable| readable.stream).collect();
        assert_eq!(listed, public);
        assert_eq!(served.client(ada()).streams().await.unwrap().len(), MAX_STREAMS * 2);
    });
}

#[test]
fn what_is_appended_is_judged_by_the_stream_alone() {
    in_time(async {
        let served = Served::start().await;
        let stream = served.private().await;
        let (owner, writer) = (served.client(ada()), served.client(bob()));
        let draft = |edges| Draft::event(streams_archive::types::ITEM, edges);
        let appended = owner.append(stream, draft).await.unwrap();
        assert!(appended.new && appended.effective && appended.verdict == "owner", "{appended:?}");
        assert_eq!(refused(writer.append(stream, draft).await), "denied", "who may not read is not told what to cite");
        owner.invite(stream, &bob().verifying_key(), Role::Writer).await.unwrap();
        let appended = writer.append(stream, draft).await.unwrap();
        assert!(appended.effective && appended.verdict == "allowed" && appended.by.is_some(), "{appended:?}");
        assert_eq!(refused(writer.append(stream, |e| Draft::event("example.org/x", e)).await), "not-authorized");
        let govern = |edges| Draft::event(types::POLICY, edges).policies([Rule::open_to_all()]);
        assert_eq!(refused(writer.append(stream, govern).await), "not-authorized");

        // What was signed is brought again, and by somebody else: it is the same.
        let object =
            Draft::event(streams_archive::types::ITEM, writer.edges(stream).await.unwrap()).sign(&bob()).unwrap();
        assert!(served.client(eve()).send(stream, &object).await.unwrap().new);
        let again = writer.send(stream, &object).await.unwrap();
        assert!(!again.new && again.effective);

        // Whoever was removed has what he wrote; what he writes beside the removal is void, and says so.
        let before = writer.edges(stream).await.unwrap();
        owner.remove(stream, &bob().verifying_key()).await.unwrap();
        assert_eq!(refused(writer.edges(stream).await), "denied");
        let object = draft(before).timestamp(1).sign(&bob()).unwrap();
        let void = writer.send(stream, &object).await.unwrap();
        assert!(void.new && !void.effective && void.verdict == "denied" && void.by.is_some(), "{void:?}");

        // And invited again: the removal is taken back.
        owner.invite(stream, &bob().verifying_key(), Role::Writer).await.unwrap();
        assert!(writer.append(stream, draft).await.unwrap().effective);
        let head = served.node.read(stream, members_of).await.unwrap();
        assert_eq!(head, (true, 0));
    });
}

/// Whether bob may read, and how many objects are cited and not here.
fn members_of(stream: &streams_core::Stream) -> (bool, usize) {
    (stream.may_read(&bob().verifying_key()).is_effective(), stream.gaps().len())
}

#[test]
fn what_is_no_object_of_the_stream_is_refused() {
    in_time(async {
        let served = Served::start().await;
        let (stream, other) = (served.stream(Vec::new(), 2).await, served.stream(Vec::new(), 5).await);
        let owner = served.client(ada());
        let edges = owner.edges(stream).await.unwrap();
        let event = |edges: &streams_core::Edges| Draft::event("example.org/list.Added", edges.clone());
        let target = format!("/streams/{stream}/objects");
        let post = |target: &str, body: &[u8]| served.sent(Method::POST, target, body);
        let right = event(&edges).sign(&ada()).unwrap();
        let parts = right.object().parts().to_vec();

        served.expect(&post(&target, b""), 422, "truncated").await;
        served.expect(&post(&target, b"nonsense"), 422, "parts").await;
        served.expect(&post(&format!("/streams/{other}/objects"), &parts), 409, "missing").await;
        let nowhere = format!("/streams/{}/objects", ObjectId::from_bytes([9; 32]));
        served.expect(&post(&nowhere, &parts), 404, "unknown").await;
        let forged = right.object().with_signature(&[7; 64]);
        served.expect(&post(&target, forged.parts()), 422, "bad-signature").await;
        let late = event(&streams_core::Edges { generation: 99, ..edges.clone() }).sign(&ada()).unwrap();
        served.expect(&post(&target, late.object().parts()), 422, "generation-wrong").await;
        let root = served.node.object(other, &other).await.unwrap().unwrap().authentic;
        served.expect(&post(&target, root.object().parts()), 422, "other-stream").await;

        // What cites what is not here does not wait: it is told what is missing.
        let next = streams_core::Edges {
            parents: vec![right.id()],
            generation: edges.generation + 1,
            previous: Some(right.id()),
            ..edges
        };
        let next = event(&next).sign(&ada()).unwrap();
        let (status, answer) = served.send(&post(&target, next.object().parts())).await;
        assert_eq!(
            (status, &answer["code"], &answer["missing"]),
            (409, &json!("missing"), &json!([right.id().to_string()]))
        );
        assert!(owner.send(stream, &right).await.unwrap().new);
        assert!(owner.send(stream, &next).await.unwrap().effective);
        assert_eq!(served.node.head(stream).await.unwrap().unwrap().objects, 5);
    });
}

#[test]
fn who_asks_is_shown_to_whoever_governs_and_is_answered_by_a_rule() {
    in_time(async {
        let mut served = Served::start().await;
        let stream = served.private().await;
        let [bobs, eves]: [VerifyingKey; 2] = [bob().verifying_key(), eve().verifying_key()];
        served.client(bob()).ask(stream, "it's me").await.unwrap();
        served.clock.set(NOW + 1_000);
        served.client(eve()).ask(stream, "let me in").await.unwrap();
        served.client(bob()).ask(stream, "it's me, Bob").await.unwrap();
        assert_eq!(refused(served.client(bob()).asks(stream).await), "not-governing");

        // What was accepted is not lost with the process.
        let store = served.store.clone();
        served = Served::over(store).await;
        let owner = served.client(ada());
        let asks = owner.asks(stream).await.unwrap();
        let told: Vec<_> = asks.iter().map(|asked| (asked.key, asked.note.as_str(), asked.at)).collect();
        assert_eq!(told, [(bobs, "it's me, Bob", NOW + 1_000), (eves, "let me in", NOW + 1_000)]);

        // Yes.
        owner.invite(stream, &bobs, Role::Moderator).await.unwrap();
        assert_eq!(served.client(bob()).page(stream, None, 100).await.unwrap().0.len(), 5);
        // Whoever governs sees who asks, and answers: no.
        let asks = served.client(bob()).asks(stream).await.unwrap();
        assert_eq!(asks.iter().map(|asked| asked.key).collect::<Vec<_>>(), [eves]);
        served.client(bob()).remove(stream, &eves).await.unwrap();
        assert_eq!(owner.asks(stream).await.unwrap(), []);
        // A no is a no, and shows who said it.
        let Err(ClientError::Refused(refusal)) = served.client(eve()).ask(stream, "please").await else { panic!() };
        assert_eq!(refusal.code, "denied");
        let shown = refusal.shown.expect("the rule that names the key");
        assert!(refusal.sentence.contains(&shown.id.to_string()));
        let object = streams_core::Object::decode(&shown.parts).unwrap();
        let policy = streams_core::Authenticator::new(hash_key()).authenticate(object).unwrap();
        assert_eq!((policy.id(), policy.header().author()), (shown.id, bobs));
        assert_eq!(refused(served.client(eve()).page(stream, None, 1).await), "denied");

        // Who has an answer may ask for more.
        served.client(bob()).ask(stream, "may I own it?").await.unwrap();
        assert_eq!(owner.asks(stream).await.unwrap().len(), 1);
        owner.remove(stream, &bobs).await.unwrap();
        assert_eq!(refused(served.client(bob()).asks(stream).await), "not-governing");
    });
}

#[test]
fn asks_are_bounded() {
    in_time(async {
        let served = Served::start().await;
        let stream = served.private().await;
        for number in 0..MAX_ASKS {
            let mut secret = [200; 32];
            secret[..2].copy_from_slice(&(number as u16).to_be_bytes());
            served.client(SigningKey::from_bytes(secret)).ask(stream, "me").await.unwrap();
        }
        assert_eq!(refused(served.client(eve()).ask(stream, "me").await), "asks-full");
        let owner = served.client(ada());
        let first = owner.asks(stream).await.unwrap()[0].key;
        owner.invite(stream, &first, Role::Reader).await.unwrap();
        served.client(eve()).ask(stream, &"x".repeat(MAX_NOTE)).await.unwrap();
        assert_eq!(refused(served.client(eve()).ask(stream, &"x".repeat(MAX_NOTE + 1)).await), "note");
        assert_eq!(owner.asks(stream).await.unwrap().len(), MAX_ASKS);
        assert_eq!(refused(served.client(bob()).ask(ObjectId::from_bytes([9; 32]), "me").await), "unknown");
        let target = format!("/streams/{stream}/asks");
        for body in [&b""[..], b"{}", b"[]", br#"{"note": 7}"#, br#"{"note": "x", "role": "owner"}"#, b"\xff"] {
            served.expect(&served.sent(Method::POST, &target, body), 400, "json").await;
        }
    });
}

#[test]
fn both_ways_of_inviting_write_what_the_same_rules_say() {
    in_time(async {
        let served = Served::start().await;
        let (one, other) =
            (served.private().await, served.stream(vec![Rule::readers([&ada().verifying_key()])], 4).await);
        for role in [Role::Reader, Role::Writer, Role::Moderator] {
            served.client(ada()).invite(one, &bob().verifying_key(), role).await.unwrap();
            members::invite(served.hand(&ada()), other, &bob().verifying_key(), role).await.unwrap();
            for stream in [one, other] {
                let read = |stream: &streams_core::Stream| {
                    let key = bob().verifying_key();
                    (stream.may_read(&key).is_effective(), stream.newest_rank(&key))
                };
                let governs = (role == Role::Moderator).then_some(1);
                assert_eq!(served.node.read(stream, read).await.unwrap(), (true, governs), "{role:?}");
            }
            served.client(ada()).remove(one, &bob().verifying_key()).await.unwrap();
            members::remove(served.hand(&ada()), other, &bob().verifying_key()).await.unwrap();
        }
        // What denies more than this key is not taken back in passing.
        let rules = [Rule::remove(&bob().verifying_key()), Rule::deny().authors([&eve().verifying_key()])];
        let both = |edges| Draft::event(types::POLICY, edges).policies(rules);
        let written = served.client(ada()).append(one, both).await.unwrap();
        let answer = served.client(ada()).invite(one, &bob().verifying_key(), Role::Reader).await;
        assert!(matches!(answer, Err(ClientError::MoreThanRemoval(id)) if id == written.id), "{answer:?}");
    });
}

/// A server that gives these answers to whoever asks, whatever is right.
async fn liar(answers: Vec<(String, Json)>) -> (Address, JoinHandle<()>) {
    let answer = move |uri: axum::http::Uri| {
        let found = answers.iter().find(|(path, _)| uri.path() == path).map(|(_, answer)| answer.clone());
        async move { axum::Json(found.unwrap_or(Json::Null)) }
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = format!("http://{}@{}", server_key().verifying_key(), listener.local_addr().unwrap()).parse().unwrap();
    let router = axum::Router::new().fallback(answer);
    (at, tokio::spawn(async move { axum::serve(listener, router).await.unwrap() }))
}

#[test]
fn a_server_that_lies_is_found_out() {
    in_time(async {
        let served = Served::start().await;
        let (stream, other) = (served.stream(Vec::new(), 3).await, served.stream(Vec::new(), 4).await);
        let order: Vec<ObjectId> = served.node.read(stream, |stream| stream.order().collect()).await.unwrap();
        let entry = async |stream, id: ObjectId, claimed: ObjectId| {
            let parts = served.node.object(stream, &id).await.unwrap().unwrap().authentic.object().parts().to_vec();
            json!({"id": claimed.to_string(), "effective": true, "parts": data_encoding::BASE64.encode(&parts)})
        };
        let path = |id: ObjectId| format!("/streams/{stream}/objects/{id}");
        let foreign: Vec<ObjectId> = served.node.read(other, |stream| stream.order().collect()).await.unwrap();
        let mut forged = served.node.object(stream, &order[3]).await.unwrap().unwrap().authentic.into_object();
        forged = forged.with_signature(&[1; 64]);
        let forged = json!({"id": order[3].to_string(), "effective": true, "parts": data_encoding::BASE64.encode(forged.parts())});
        let root = entry(stream, stream, stream).await;
        let (at, _task) = liar(vec![
            (path(order[1]), entry(stream, order[2], order[1]).await),
            (path(order[2]), json!({"id": order[2].to_string(), "effective": true, "parts": "AAAA"})),
            (path(order[3]), forged),
            (path(foreign[1]), entry(other, foreign[1], foreign[1]).await),
            (path(stream), root.clone()),
            // Round and round.
            (format!("/streams/{stream}/objects"), json!({"objects": [root], "next": stream.to_string()})),
            ("/streams".to_owned(), json!({"streams": [], "next": stream.to_string()})),
            (
                format!("/streams/{stream}/removals/{}", bob().verifying_key()),
                json!({"removals": [stream.to_string()]}),
            ),
            (format!("/streams/{stream}/edges"), json!({"parents": [], "generation": 0})),
        ])
        .await;
        let client = Client::new(at.clone(), ada(), served.clock.clone()).unwrap();
        for id in [order[1], order[2], order[3], foreign[1]] {
            assert_eq!(refused(client.object(stream, id).await), "unproven", "{id}");
        }
        assert!(client.object(stream, stream).await.is_ok(), "that one is right");
        assert_eq!(refused(client.copy(stream, |_| ()).await), "answer");
        assert_eq!(refused(client.streams().await), "answer");
        let invited = client.invite(stream, &bob().verifying_key(), Role::Reader).await;
        assert_eq!(refused(invited), "more-than-removal", "the root is no removal");
        assert_eq!(refused(client.append(stream, |edges| Draft::event("example.org/x", edges)).await), "sign");
        assert_eq!(refused(client.ask(other, "me").await.map(|()| "asked").and(client.asks(other).await)), "answer");
        drop(_task);
        let nobody = format!("http://{}@127.0.0.1:1", at.key()).parse().unwrap();
        let client = Client::new(nobody, ada(), served.clock.clone()).unwrap();
        assert_eq!(refused(client.streams().await), "unreachable");
    });
}
