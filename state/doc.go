// Package state is the keyspace: sixteen databases of keys, each with a value
// and perhaps an expiry. It is pure: no I/O, no clock, no randomness, no
// goroutine. It changes in one way only: [State.Apply] is given the bytes of
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
//     states, iteration order (Scan, Random, the fields of a hash) included. A
//     checkpoint keeps that order, so a replayed session sees the same KEYS.
//   - A key whose expiry has come is hidden from every View at once, but stays
//     until a Delete event with reason expired removes it; only those events
//     remove it. Apply never looks at a clock.
//   - A collection that loses its last element is no key any more.
//   - The encoding of a value (OBJECT ENCODING) is a function of the events
//     alone: its limits are constants of this package, not settings.
//   - Access times (OBJECT IDLETIME, FREQ) are a hint for the server beside the
//     state: they are no part of it, of its digest or of checkpoints.
//
// # Digest
//
// [State.Digest] is a 64-bit sum over keys, kept up to date by every Apply, so
// asking for it costs nothing. Two states with the same keys, values, types and
// expiries have the same digest, in whatever order they came to be. It finds
// bugs and rotten bits, not adversaries. [State.RedisDigest] is what DEBUG
// DIGEST of a Redis server with the same data answers.
//
// # Ownership
//
// One goroutine, the writer, owns a State. Slices that a View hands out point
// into the keyspace and are valid until the next Apply.
package state
