//! Who reads and who writes.

use streams_archive::members::{self, Role};
use streams_archive::object::types;
use streams_archive::{ArchiveError, Visibility};
use streams_core::{Map, Node, SigningKey, StreamId};

use crate::fixtures::{ada, bob, create_both, hand, memory, node};

async fn may_read(node: &Node, stream: StreamId, key: &SigningKey) -> bool {
    node.read(stream, |stream| stream.may_read(&key.verifying_key()).is_effective()).await.unwrap()
}

async fn may_write(node: &Node, stream: StreamId, key: &SigningKey, r#type: &str) -> bool {
    let write = |stream: &mut streams_core::Stream| {
        let written = stream.by(key).append(r#type, Map::new());
        written.is_ok_and(|written| stream.is_effective(&written.id()))
    };
    node.write(stream, write).await.unwrap()
}

#[test]
fn who_is_invited_does_what_it_was_invited_to_and_who_is_removed_does_nothing() {
    pollster::block_on(async {
        for visibility in [Visibility::Public, Visibility::Private] {
            let (node, ada, bob) = (node(memory()), ada(), bob());
            let hand_ = hand(&node, &ada);
            let stream = create_both(&node, &ada, visibility).await.unwrap()[1].stream();
            assert_eq!(may_read(&node, stream, &bob).await, visibility == Visibility::Public);
            assert!(!may_write(&node, stream, &bob, types::ITEM).await);
            members::invite(hand_, stream, &bob.verifying_key(), Role::Reader).await.unwrap();
            assert!(may_read(&node, stream, &bob).await && !may_write(&node, stream, &bob, types::ITEM).await);
            members::invite(hand_, stream, &bob.verifying_key(), Role::Writer).await.unwrap();
            assert!(may_write(&node, stream, &bob, types::ITEM).await);
            for owners in [types::META, types::CONFIG, types::RESOURCE, types::OWNER_REF] {
                assert!(!may_write(&node, stream, &bob, owners).await, "{owners} is for the owner");
            }
            let refused = members::invite(hand(&node, &bob), stream, &bob.verifying_key(), Role::Moderator).await;
            assert!(matches!(refused, Err(ArchiveError::Append(_) | ArchiveError::Void(_))), "{refused:?}");
            members::remove(hand_, stream, &bob.verifying_key()).await.unwrap();
            assert!(!may_read(&node, stream, &bob).await && !may_write(&node, stream, &bob, types::ITEM).await);
            // Invited again, it is in again: the removal is taken back.
            members::invite(hand_, stream, &bob.verifying_key(), Role::Writer).await.unwrap();
            assert!(may_read(&node, stream, &bob).await && may_write(&node, stream, &bob, types::ITEM).await);
        }
    });
}

#[test]
fn a_stream_becomes_private_and_public_again() {
    pollster::block_on(async {
        for begins in [Visibility::Public, Visibility::Private] {
            let (node, ada, bob) = (node(memory()), ada(), bob());
            let hand = hand(&node, &ada);
            let stream = create_both(&node, &ada, begins).await.unwrap()[1].stream();
            for round in 0..2 {
                for visibility in [Visibility::Private, Visibility::Public] {
                    let written = members::set_visibility(hand, stream, visibility).await.unwrap();
                    assert_eq!(written.is_empty(), round == 0 && visibility == begins && begins == Visibility::Private);
                    assert!(members::set_visibility(hand, stream, visibility).await.unwrap().is_empty(), "it is so");
                    assert_eq!(may_read(&node, stream, &bob).await, visibility == Visibility::Public);
                    assert!(may_read(&node, stream, &ada).await);
                }
            }
        }
    });
}
