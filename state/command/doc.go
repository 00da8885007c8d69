// Package command is the command table and the decisions behind it.
//
// A command is one function of type [Decide]. It reads a [state.View], writes
// its reply and records events: facts about what will have happened. It
// changes nothing itself; whoever calls it appends the events to the log and
// applies them. So a command is pure: no clock (the View has one, pinned for
// the whole unit), no randomness but what [Call.Rand] hands in, no I/O.
//
// # Duties of a decision
//
//   - Check everything first, record events last: a command that answers an
//     error has recorded none (the engine takes back what such a call recorded).
//   - Record final values. An expiry is absolute, a random member is chosen, a
//     counter has its result.
//   - Record nothing that changes nothing: PERSIST of a key without expiry, DEL
//     of a missing key, HSET never (setting a field to its old value is still a
//     write: Redis counts it as one).
//   - Where the events do not tell what was asked (INCRBY k 5 is recorded as the
//     String event with the result), call [Call.Tell]: the whole argv goes into
//     the entry's cause.
//   - A command that only reads records nothing, but for PFCOUNT, which keeps its result in
//     the key, as its key specs say (RW). Where nothing can be recorded, in the past or while
//     the log cannot be written, its answer holds all the same.
//   - The View shows the state before the call, whatever was recorded: a command
//     that names a key twice (MSET a 1 a 2) must itself see to the second.
//
// Keys that are due are removed by the engine, by an event of their own, before
// the command that names them is decided; and a View never shows them.
//
// # The table
//
// [Table] holds one [Spec] per command: name, arity, flags, where its keys are,
// categories, since when, and its documentation in our own words. Dispatch, the
// errors for unknown commands and wrong arity, COMMAND and COMMAND DOCS all come
// from it. [Table.Lookup] begins every request, so it allocates nothing and
// does not copy the name to lower its case; [Spec.KeyPositions] says where the
// keys of a call are, by the row alone. Commands that need a connection or the server (CLIENT, MULTI, INFO)
// stand in the table too, with no Decide: the engine carries them out, and a
// test holds that it has every one. Adding a command touches one family file
// and one transcript.
//
// # Faithful to Redis 7.2
//
// Replies, error texts, and which of several errors comes first, are Redis'.
// A few of its ways are easy to lose and are kept on purpose:
//
//	integers   one canonical form only ([ParseInt]): "+1", "01", " 1" are none
//	words      options end at a zero byte, since Redis compares C strings ([IsWord])
//	floats     INCRBYFLOAT and HINCRBYFLOAT add in long double ([LongDouble]) and
//	           print 17 decimals without the zeros at the end
//	limits     no string grows beyond 512 MiB ([MaxString]), which also bounds LCS
//	bits       SETBIT, BITFIELD and PFADD that change nothing record nothing, though in Redis
//	           they make a string raw; PFMERGE always is a change
//	hll        the bytes are Redis', in either encoding: they depend on the order in which
//	           the elements came
//	sort       equal elements come in the order in which Redis' quicksort leaves them; texts
//	           are compared as in C's own locale, up to a zero byte unless they are stored
//	           and one SORT may do as much work as Redis needs seconds for, but not any amount
//	           (sort_work.go)
//	dumps      DUMP writes what Redis 7.0 writes and 7.2 reads; RESTORE trusts nothing (rdb)
//	expiry     SET with a time in the past stores the key, which no one sees;
//	           GETEX and EXPIRE with one delete it at once
//
// Transcripts in testdata show every option and error. They run here, and
// against redis-server where it is installed, and must agree; so must random
// commands. Where the redis-server at hand (7.0) differs from 7.2, or its clock
// cannot be set, a block says "ours" and why.
//
// # Ownership
//
// A [Table] is built once and read by whoever likes. A [Call] belongs to its
// caller, who uses it again for the next command; a decision keeps nothing of
// it. What the View hands out points into the keyspace: it is copied into the
// reply or the events before the decision ends.
package command
