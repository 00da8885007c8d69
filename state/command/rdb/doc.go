// Package rdb is the format in which Redis writes values: what DUMP answers and RESTORE
// takes, and, for reading, a file of them. It knows bytes, so values can move between Redis
// and this server in both directions.
//
// # A payload
//
//	payload = type u8 | value | version u16 LE | crc u64 LE
//
// The type says how the value is written; a byte like it stands before each key in an RDB
// file. The version is that of the oldest RDB format that has the type: who reads it
// refuses a version above its own before it looks at anything else. The crc is CRC-64
// (Jones, all bits reflected, from 0, as in Redis) over everything before it. It
// finds accidents; whoever wants to deceive computes it, so nothing below trusts it.
//
// # Which types
//
// All types since Redis 2 are read ([Decode]); of those that mean the same, these are
// written ([Writer]):
//
//	 0 string                    w   string
//	 1 list                          how many | string …
//	 2 set                       w   how many | string …                     a hash table, or a small set
//	 3 sorted set                    how many | ( string | score as text ) …
//	 4 hash                      w   how many | ( string | string ) …        a hash table
//	 5 sorted set 2              w   how many | ( string | float64 LE ) …    greatest first: a skiplist
//	 9 hash in a zipmap              a string that holds a zipmap
//	10 list in a ziplist             … a ziplist
//	11 set of integers           w   … an intset
//	12 sorted set in a ziplist       … a ziplist: member, score, member, score
//	13 hash in a ziplist             … a ziplist: field, value, field, value
//	14 quicklist                     how many | string that holds a ziplist …
//	15 stream                        see below
//	16 hash in a listpack        w   a string that holds a listpack
//	17 sorted set in a listpack  w   … a listpack
//	18 quicklist 2               w   how many | ( kind | string ) …          kind 1 one element, 2 a listpack
//	19 stream 2                  w   see below
//	20 set in a listpack             a string that holds a listpack
//	21 stream 3                      see below
//
// Redis 7.2 has version 11 for the last two, Redis 7.0 version 10 for 16 to 19. What is
// written here is version 10 throughout, so that a Redis 7.0 takes it as well as a 7.2:
// a small set goes as type 2, and a stream as type 19, without the time at which a
// consumer was given something last; who reads that takes the time at which it asked for
// something last instead. Versions above 11 are refused, as Redis 7.2 does.
//
// # Numbers and strings
//
//	length  = 00nnnnnn | 01nnnnnn n u8 | 10000000 n u32 BE | 10000001 n u64 BE
//	string  = length bytes
//	        | 11000000 i8 | 11000001 i16 LE | 11000010 i32 LE        the integer in decimal
//	        | 11000011 length length bytes                           LZF: compressed, plain
//
// A string of at most 11 bytes that is the canonical text of a 32-bit integer is written
// as one; one of more than 20 bytes is compressed if that gains 4 bytes at least (lzf.go).
//
// # Packed values
//
// What is small lies in one string, as it does in the memory of a Redis:
//
//	listpack = bytes u32 LE | elements u16 LE | element … | ff       elements ffff: to be counted
//	element  = 0nnnnnnn                                              integers …
//	         | 110nnnnn n u8 | f1 i16 | f2 i24 | f3 i32 | f4 i64     (the first BE, then LE)
//	         | 10llllll bytes | 1110llll l u8 bytes | f0 u32 LE bytes   … and texts,
//	           followed by the length of all that, 7 bits a byte, readable backwards
//	intset   = width u32 LE (2, 4, 8) | how many u32 LE | integer …  ascending
//	ziplist  = bytes u32 LE | last u32 LE | entries u16 LE | entry … | ff
//	entry    = length of the one before (u8, or fe u32 LE) | head | bytes   (ziplist.go)
//	zipmap   = fields u8 | ( length bytes | length free u8 bytes free … ) … | ff
//
// Integers are elements as their text is: "7" and 7 are the same element.
//
// # Streams
//
//	stream   = how many | ( string: id | string: listpack ) …
//	           entries | last id | [ first id | greatest deleted id | entries ever added ]
//	           groups | group …
//	group    = name | last id | [ entries read ]
//	           pending | ( id | ms i64 LE | deliveries ) …
//	           consumers | ( name | seen ms i64 LE | [ active ms i64 LE ] | pending | id … ) …
//
// In brackets what type 15 lacks, and of consumers what 19 lacks. Ids in strings and of
// pending entries are two u64 BE, others two lengths. The listpack of a node begins with a
// master entry, which has names that entries need not repeat, and the node's id is what
// theirs are distances from:
//
//	node     = entries | deleted | names | name … | 0 | entry …
//	entry    = flags | ms | number | [ fields ] | part … | elements of this entry
//
// Flag 1: the entry was deleted; flag 2: its names are those of the master entry, and the
// parts are the values alone. A node takes no more where it has 100 entries or 4 KiB.
//
// # A file
//
//	file = "REDIS" version as 4 digits | part … | ff crc u64 LE
//	part = [ expiry ] [ idle ] type u8 | string: key | value
//	     | fe length                 the keys that follow are in this database
//	     | fc ms i64 LE, fd s i32 LE expiry of the next key, since 1970
//	     | f8 length, f9 u8          how long ago, how often that was used
//	     | fa string string          what the server says of itself
//	     | fb length length          how many keys come, and how many expire
//	     | f4 length length length   the same of a cluster's slot
//	     | f5 string                 a library of functions
//	     | f7 length ( kind part ) … 0    what a module says: 1 and 2 a length, 3 u32, 4 u64, 5 a string
//
// The crc is over everything before it, and 0 where Redis was told to leave it out; version 4
// and before have none. [ReadFile] reads any version, as long as it knows the types.
//
// # Hostile bytes
//
// A payload comes from the network. Redis has a setting, sanitize-dump-payload, for how
// much it trusts one; here all is checked always: each length is held against what is
// there, each packed value is walked to its end, no field or member comes twice, no score is
// NaN or no number. Nothing is allocated by a length that is only announced: how much
// compressed bytes give is counted before they are unpacked, and all of them may give 1
// GiB together. The time is linear in the payload (n log n for pending entries).
//
// Where Redis takes what makes no sense, some is refused: an entry of a stream that does
// not come after the one before, one without fields, a last id below an entry, a number of
// entries that is not theirs; an entry pending for two consumers; a score that is a text
// but no number; compressed bytes that are to give nothing; a
// length of no kind in a stream; and a value that runs into the footer. As in Redis, bytes between the
// value and the footer mean nothing.
package rdb
