// Package compaction makes the past cheap to reach and, in time, lets go of it:
// checkpoints, the state at an offset built from a checkpoint and a piece of
// log, and retention.
//
// A checkpoint is only ever a shortcut. Whatever it holds follows from the log
// before it, and where the log is still there, a checkpoint that is lost or
// rotten costs time and nothing else. It becomes more than that when retention
// drops the log before it: from then on the oldest checkpoint is primary data,
// which is why [Plan] wants two of them before it lets anything go.
//
// # The file
//
// checkpoints/00000000000000012345.snap is the state after entry 12345. Numbers
// outside msgpack are little-endian.
//
//	file    = magic header shard* footer
//	magic   = "altsnap\n"
//	header  = length u32 | crc u32 | head
//	shard   = block*
//	block   = length u32 | crc u32 | payload         length: bit 31 "goes on", 0–30 bytes of payload
//	footer  = blocks u32 | crc u32
//
//	head    = [ version, log id, offset, time, digest, keys, [count × 16], [ [db, records, bytes] … ] ]
//	record  = [ key, type, encoding, expiry, value ]             a string
//	        | [ key, type, encoding, expiry, [ f, v, f, v … ] ]  a hash
//
//	crc      CRC-32C seeded with the log id, over the length and what follows it: a file
//	         of another log, or a header put before another's blocks, is found out
//	head     msgpack. Its integers have the full 8 bytes always, because the header is
//	         written last, over a placeholder of the same size: the shards' sizes are
//	         known only then
//	time     µs since 1970 of the entry at offset
//	digest   of the state, [state.State.Digest]
//	shard    a contiguous range of one database, in its iteration order, at most 65,536
//	         keys; its place in the file is the sum of the bytes of those before it, so
//	         that several readers can begin at once
//	block    at most 256 KiB of payload, a whole number of records. A writer ends one at 64 KiB
//	         if more than one record is in it (older files: 256 KiB), so that a single key
//	         costs little to find. A record that does not fit goes over several blocks, all
//	         but the last marked "goes on", and is alone in them
//	footer   the number of blocks, and a CRC over the CRCs of the blocks in order, their number and the header's CRC:
//	         a block that is missing, doubled or out of place is found though it is whole
//
// The records are msgpack: key, value and fields bin, the rest unsigned. Any
// msgpack decoder reads them, and a test does with vmihailenco/msgpack; they are
// read here by hand, since a checked block is in memory already and a general
// decoder would allocate for each field. Nothing is allocated by a length that
// was only announced: a block is at most 256 KiB, a longer record grows by what
// has been read and checked, a count is held against the bytes that are left.
// Records nest two deep and are not read by recursion.
//
// Iteration order is kept because it is part of the state: SCAN, RANDOMKEY and
// HGETALL answer the same after a load, and a recorded session replays.
//
// # Writing
//
// [Write] leaves a checkpoint that is whole, or none:
//
//	1  write NAME.tmp, mode 0600
//	2  fsync it
//	3  read it back and compare it, record by record, with the state
//	4  rename it to NAME
//	5  fsync the directory
//
// Step 3 is stronger than comparing digests and needs no second state in memory.
// What it reads comes from the page cache: it finds our mistakes, not a disk that
// lies. Only after that may [Register] name it in the MANIFEST, and only after the
// log is on the disk up to its offset: a checkpoint never knows more than the log.
//
// # Loading
//
// [Load] uses every core. One goroutine reads and checks blocks, several make batches of
// their records, which are laid out as they will lie in memory (state.Batch), and one
// gives the batches to the state, in the order of the file: that is the order of the
// keys, so each finds its place beside the one before. The header says how many keys
// there will be, and the index is laid out for them, so far as the file is large enough
// to hold so many.
//
// # Finding
//
// A [Finder] reads single keys and loads nothing. The order of iteration is that of the
// hashes of keys, so a key has its place in the file: shards are halved by their first keys,
// then the heads of the blocks of one shard are looked at, and one block, or two, is read
// and checked. For a million small values that is some sixty small reads, of which all but
// one or two are remembered for the next key of that shard.
//
// # Building
//
// [Build] is the state at an offset: the newest checkpoint at or before it, and
// the log from there. Recovery, time travel, restore and the next checkpoint are
// all this one function (recovery reads the log through its start-up scan, the
// rest is the same), so every checkpoint proves recovery.
//
//	reader: read, CRC, frame, header, hash of the key ──batches──▶ applier: prefetch, State.Apply
//
// It works beside a running server: it takes no lock, reads only what is
// complete, and begins anew when retention takes a file away under it.
//
// # Choosing a checkpoint, and refusing one
//
// [Newest] tries the registered checkpoints from the newest at or before the
// offset to older ones. One that is missing, cut, rotten or not the one that was
// registered is refused by name ([Refusal]) and the next is tried; after the last
// the empty state, if the log still begins at 1. If it does not, the state before
// its first entry cannot be had: that is damage, and says so.
//
// # Retention
//
// [Plan] is pure: manifest, policy and time in, what goes out. History goes from
// its old end only and by whole sealed segments. The base is the oldest state that
// stays reachable:
//
//	base <= second newest checkpoint      two ways to start, always
//	base <= every tag                     a tag holds all that comes after it
//	base <= every view that is open
//	size  the oldest base with which what stays fits; the newest allowed if none does
//	age   the newest base that is older than the age, so that all of the age is reachable
//
// Checkpoints before the base go, and segments that end at or before it.
// Between base and newest a checkpoint stays only while the log since the one
// before it is at least as large as itself: checkpoints then never take much more
// room than the log, and never save less time than they cost. [Apply] changes the
// MANIFEST first and removes files after; a crash in between leaves files that
// nothing names.
//
// # Spacing
//
// Loading a checkpoint and replaying the log after it is what a state of the past costs. A
// [Pace] is how fast either goes here; [Make] and a start measure it, and the one leaves it in
// checkpoints/pace.json, which nothing but estimates rests on ([Pace.Opening]). From it
// follows how many entries should lie between two checkpoints ([Pace.Spacing]):
//
//	clamp(keys, 50,000, what is replayed in the rest of a second after loading)
//
// So any point is there within a second where loading leaves time for it; where it does not,
// replaying adds a quarter to it. Who makes checkpoints bounds what that may take: the engine
// makes none for the spacing's sake within nine times as long as the last one took, nor one
// that is larger than the log since, which would be thinned out again.
//
// # Goroutines
//
//	goroutine   owns                          reached by          stops
//	caller      log reader, MANIFEST, the
//	            State while loading
//	applier     the State while building      batches, a channel  Close, which waits for it
//	reader      the file while loading        free parts          end of file, or the caller's stop
//	decoders    one part of it each           parts, a channel    when the reader closes it
package compaction
