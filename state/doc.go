// Package state is the keyspace: sixteen databases of keys, each with a value
// and perhaps an expiry. It is pure: no I/O, no clock, no randomness, no
// goroutine (but one on Linux that asks for memory ahead of its use, and sees nothing of
// what is in it: arena_linux.go). It changes in one way only: [State.Apply] is given the bytes of
// events (state/event), the very bytes that go to the log. So a live server,
// a recovering one, time travel and checkpoints run the same code on the same
// bytes and are equal by construction.
//
// Commands never see a State. They see a [View]: one database at one moment,
// read-only.
//
// # Invariants
//
//   - Apply is deterministic: the same events on equal states give equal
//     states, the order of a hash's fields and of a set's members included.
//   - The order of keys (Scan, Each) and which of them a random number draws
//     (Random) are functions of the keys and the seed alone: by hash, however
//     they came and went. So SCAN's cursor is a place among the hashes, which
//     holds whatever grows or shrinks meanwhile, a checkpoint need not keep an
//     order, and a replayed session sees the same KEYS and the same RANDOMKEY.
//   - A key whose expiry has come is hidden from every View at once, but stays
//     until a Delete event with reason expired removes it; only those events
//     remove it. Apply never looks at a clock.
//   - A collection that loses its last element is no key any more, but for a stream.
//   - The encoding of a value (OBJECT ENCODING) is a function of the events
//     alone: its limits are constants of this package, not settings.
//   - Access times and counters (OBJECT IDLETIME, FREQ; access.go) are a hint for the
//     server beside the state: they are no part of it, of its digest or of checkpoints.
//     So which key a memory limit takes (evict.go) does not follow from the state.
//
// # Keys and records
//
//	hash of the key ──▶ dir ──▶ segment ──▶ slot ──▶ record ( ──▶ object )
//	keyhash.go          index.go                     entry.go, in blocks of memory.go
//
// A key with what it holds is a record: a few bytes of head, the key, and the
// value or what is packed of a small hash, set, sorted set (packed.go) or list
// (list_apply.go). Records and index lie outside Go's heap and have no pointers, so
// the collector has no work with them, however many there are. What is large, beyond
// 8 KiB or the limits of a listpack, is an object of Go's, and the record has its
// number:
//
//	string       its bytes; of one that has changed in part outside Go's heap too (region.go)
//	hash, set    an index of its own, of records that lie among those of the keys (hash.go)
//	sorted set   the same, and a counted B+ tree by score (ranking.go)
//	list         chunks of elements (list.go)
//	stream       chunks of entries (stream.go), and its consumer groups (stream_group.go);
//	             one of few entries too
//
// A key of 16 bytes with a value of 32 takes 66 to 70 bytes, its share of the index
// included.
//
// Nothing is ever moved in one go: long strings move by pieces (long.go), segments grow, are split and are merged one at a
// time, the expiry heap and the pages are rows of pieces, and what a mass deletion
// has left is moved together in steps of a few records for each event (defrag.go).
// A Go map stands in for the index in the tests.
//
// Where the system refuses memory for them, Apply, Import and Expect panic with an
// [OutOfMemory]: the event that needed it is applied in part, and nobody may go on.
//
// # Digest
//
// [State.Digest] is a 64-bit sum over keys, kept up to date by every Apply, so
// asking for it costs nothing, but after changes inside long strings and lists, and after
// many elements of a list have gone at once. Two states with the same keys, values, types and
// expiries have the same digest, in whatever order they came to be. It finds
// bugs and rotten bits, not adversaries. [State.RedisDigest] is what DEBUG
// DIGEST of a Redis server with the same data answers.
//
// # Ownership
//
// One goroutine, the writer, owns a State. A [Batch], by which checkpoints are loaded,
// is whoever's that fills it, until it is handed to [State.ImportBatch]. Slices that a
// View hands out point into the keyspace and are valid until the next Apply, and while
// the State is in use: its memory is the system's again when the collector finds that
// nobody has it any more.
package state
