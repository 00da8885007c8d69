// Package engine is the single writer. It owns the keyspace, takes the commands
// that a front end hands it, and makes them happen in turns:
//
//	Session.Run  for each command of each connection, in order:
//	               look it up · check arity, rights, mode
//	               remove the keys it names that are due      → an entry each
//	               decide(view, args)                         → reply, events
//	               state.Apply(events)
//	               log.Append(header + events)                  one entry for the unit
//	Commit       log.Commit: one write (and under always one fsync)
//	             only now may the turn's replies leave
//
// A unit is a command, or a whole MULTI/EXEC. Inside a unit a later command
// sees the effects of an earlier one; the unit's events share one body, one
// entry, one offset and one clock.
//
// # What nothing may break
//
//   - A reply never leaves before the entry it speaks of is written, a read's
//     neither: it may have seen an effect of the same turn.
//   - A command that answers an error has changed nothing: the events it
//     recorded are taken back before they are applied.
//   - The clock is read once for each unit, and entries never go back in time:
//     the log keeps an entry's time at or after the one before it.
//   - When memory may be ahead of the log, memory is wrong (see Failure).
//
// # An entry
//
// The body of a unit's entry (state/event) is written when its first event is
// recorded: a unit that changes nothing appends nothing.
//
//	SET k v            [db conn "SET"]     String k v
//	INCRBY k 5         [db conn argv]      String k 12        the events don't tell what was asked
//	a due key          [db 0 ""]           Delete k expired   nobody asked; connection 0
//	MULTI … EXEC       [db conn "EXEC"]    Cause [SET] String k v · Cause argv … · …
//	  after SELECT 3                       Database 3 · Cause [SET] …
//
// A connection's particulars ride in its first entry of each segment, and again
// when one of them has changed. A due key that a command of an EXEC names is
// removed behind that command's Cause, within the unit.
//
// # Clock and chance
//
// A unit sees one clock, in µs, and draws random numbers from one seed, which
// is asked for when the first is drawn. The clock that ends one command's
// statistics begins the next unit: one reading for each command. The wall clock is
// read where a turn begins; within it time goes on by the monotonic clock. Both can be
// given from outside, which is how a recorded session is played: the reply to
// every command is a function of (state, clock, seed, connection), except for
// those that the table marks volatile.
//
// The wall clock may be put back. Expiry follows it, as in Redis: a key lives
// until the clock reaches its time, however often that is. An entry's time
// stands still meanwhile, so that points in time stay ordered. The past is read
// with the time of its last entry for a clock: `at @last` may then show a key as
// expired that the server, whose clock is behind, still serves.
//
// Tests set the clock with CLOCK, or start with it frozen (setting clock). What commands
// see and do follows it: expiry and TTL, TIME, the times of those who wait, the ids of
// streams, the clocks in recordings; how soon the next Tick comes is reckoned in truth. How
// long things take does not: SLOWLOG, LATENCY, uptime, the bounds of a turn, when a step's
// bytes arrived. A change is an entry with a Clock event, holds from the next unit on, and
// is taken back with a turn that fails. Set into the past it is as a wall clock that was
// put back: keys live longer, entries' times stand still. It is no part of the state: a
// start goes by the wall clock again, unless it is told otherwise, and then says so in an
// entry. For whoever plays a recording a step's time is that of the clock as it then was,
// so CLOCK only changes what CLOCK GET answers there.
//
// A Tick is bounded by a number of keys for the same reason: a bound in time
// would remove other keys in a replay.
//
// # The memory limit
//
// Where the keys take more than maxmemory (state.Used), each command and each Tick first
// evicts some, by an entry for each with the reason evicted, that nobody asked for. Which
// ones depends on what the process remembers of accesses, which is no part of the state:
// so a recording has evictions as steps of their own, and whoever plays it chooses none
// (Options.Played). Where nothing can be evicted, commands that need memory are refused
// until there is room; when that began and ended is a step too.
//
// # MULTI
//
// A transaction lives in its session: copies of the queued arguments, at most
// client-query-buffer-limit and 448 MiB of them. A command that is refused while
// queueing (unknown, arity, rights, no log) aborts it: EXEC answers EXECABORT.
//
// Watches are fed by events just before they are applied, so a command that
// changes nothing touches nothing, whoever wrote it. As in Redis, a key that
// was due when WATCH saw it may be removed without harm, one that has become
// due since is a change even while nothing has removed it, and emptying or
// swapping databases touches the keys that exist on either side.
//
// # Modes
//
//	loading    no data yet: commands without the loading flag answer -LOADING
//	ready
//	readonly   the log cannot be written: reads go on, writes answer -MISCONF
//	past       the data is that of one moment (ReadyAt), and there is no log: reads go on,
//	           with the clock of the data standing still, writes answer -ASOFRO
//
// # Failure
//
//	Commit fails ──▶ loading ──Rebuild──▶ readonly ──log.Heal──▶ ready
//
// After a failed Commit nothing of the turn is in the log, and the turn has not
// happened: every reply of it becomes -MISCONF, every session goes back to what
// it was, and memory, which is ahead of the log, is given up and read again.
// That needs no space, so reads are back while the disk is still full. Then
// healing is tried every 200 ms. Exact points:
//
//   - A session whose EXEC or DISCARD was in the turn is not put back inside
//     MULTI: its client has been told that EXEC failed and would not think
//     that it is. One whose command was to be queued stays inside, aborted.
//   - Whatever is watched counts as changed.
//   - What a command did to the server and not to the data (CONFIG SET, CLIENT
//     KILL, a closed connection) stays done.
//   - A recording ends before the turn: how a disk fails cannot be replayed.
//
// When Apply refuses an event, that is a bug. The unit is answered with an
// error and not appended, nothing more is executed, what the turn did before is
// committed, and memory is read again: the same way round, with a sound log.
// A failed fsync is not the engine's: the log stops the process, and Commit's
// error keeps the turn from being acknowledged meanwhile.
//
// # Commands that wait
//
// A decision that finds nothing outside of MULTI may say that it waits (BLPOP; see
// command.Waiting). Its session then waits in the queue of each key that it named, of
// the database that it was in, in the order in which it came:
//
//	LPUSH k a b           → entry   then, before anything else is executed,
//	  BLPOP k of client 7 → entry   the first of k's queue is decided again: a unit of its own
//	  BLPOP k of client 9 → entry   and the next, while k is a list
//
// It is fed by the events of units, like WATCH: when a unit is over (a command, a whole
// EXEC, a key that expired or was evicted) the queues of the keys that it has changed are
// gone through in the order of the changes. Who is served may change other keys (BLMOVE):
// their queues come last. Nobody is decided twice for nothing but those whose key holds
// the type that they want, so ten thousand waiters cost what ten thousand commands cost.
// They see the clock of the unit that woke them. When nobody waits, all of it is a
// comparison for each unit that has changed something.
//
// Exact points:
//
//   - Of what happens to a stream only an entry that comes, or a group that goes, counts as a
//     change: consumers that acknowledge do not have all who wait decided again.
//   - A time that is over is found by Tick, to the µs of the engine's clock; Commit tells
//     the front end of a new deadline that comes before the next Tick.
//   - CLIENT UNBLOCK takes effect when its unit is over, before that serves anybody: what
//     the same transaction brought is not for who was unblocked by it.
//   - Who is served in a turn whose Commit fails has not been: it stands where it stood and
//     has the time that it had. Who began to wait in that turn is told that it failed.
//     While there is no data, nobody's time is over.
//   - A client that goes is out of all queues at once; one that CLIENT KILL has named is
//     served nothing any more.
//   - WAIT waits for replicas that never come; WAITAOF for the log's durable offset, which
//     is looked at after each Commit and every 10 ms.
//
// SAVE and its kin wait for what happens beside the server. Whatever must see memory and
// log agree (a checkpoint, DEBUG RELOAD) is left to the end of Commit.
//
// # Pauses
//
// CLIENT PAUSE holds commands until its time is over: all, or those that write and those that
// replicas would be told of. A command that is held has not begun: Run takes neither it nor
// what follows, its session waits, and the front end hands both in again when Commit resumes
// it. So it is checked, logged, recorded and measured when it is executed; what is refused is
// refused at once. They go on in the order in which they were held. Exact points:
//
//   - A monitor is never held: to Redis it is a replica.
//   - A transaction that pauses is executed to its end. One that writes is held with its EXEC,
//     or, where it is said meanwhile, with the first write to be queued.
//   - Nothing expires in a pause and nothing is evicted or refused for want of memory. Keys that
//     are due are gone for every reader. A write, which only a transaction that has paused before
//     can bring, removes those that it names first, since its events must fit what is there.
//   - Times to wait go on, and who waits is served by the transaction that pauses.
//   - The end is a moment of the engine's clock, so a replay has the same one; what is held is
//     no step of a recording until it is executed, and nothing is held when one is played.
//
// # Pushes
//
// The reply of a command that has waited, and messages (publish and subscribe), are sent
// to connections that have said nothing in this turn. They are collected for each session
// and given to its Peer at the end of Commit, once the turn is in the log, as replies
// leave only then; a failed turn drops them. A session that executes a command later in
// the turn gets what it was sent before in front of the reply. So each connection sees one
// order, that of execution. A message to the client that publishes it follows the reply,
// and the whole EXEC, as in Redis since 7.2. A message is written once for all who get it
// in one protocol. A subscriber that leaves more unread than client-output-buffer-limit
// allows is closed. Messages are no events: the log does not know them.
//
// # Monitors
//
// MONITOR has a connection sent a line about each command that is executed: alone, within
// EXEC before EXEC's own, one that waits when it begins to. As in Redis, not about those that
// the table marks as administrative, nor those that are refused unexecuted; passwords are
// "(redacted)"; a monitor may not touch keys, and one that wants no replies gets no lines. They
// are pushes: they leave with their turn, tell the unit's clock, and are bounded as a
// subscriber's messages are, whose client-output-buffer-limit holds. A line about what a monitor
// itself does comes behind the reply, that of EXEC behind the whole, where Redis writes it into
// the middle. While nobody monitors, all of it is a comparison for each command.
//
// # The slow log
//
// SLOWLOG keeps what was executed and took slowlog-log-slower-than µs: a command, each
// command of an EXEC, one that waited when it is decided again; not the waiting. It is cut as
// in Redis, shows no passwords, and what a failed turn took stays there. Nothing of it is in
// the log or in recordings. LATENCY's samples and histograms are made of the same times.
//
// # Notifications
//
// Keyspace notifications (notify-keyspace-events) are messages that say what events have
// done, in the words of Redis: they are made from the events of a command as these are
// applied, and pushed as all messages are. So who changes nothing tells nothing, whoever
// wrote the command, and a turn that fails has told nothing. Within a unit each command's
// come in their order. While the setting is empty, or nobody listens to anything, all of it
// is a comparison for each command that has changed something.
//
// The events are applied one by one then. What an event is told as:
//
//	before it   its key is not there, is after it     new, and then
//	String Text Append Range                  set         $
//	HashSet · HashDelete                      hset · hdel  h
//	SetAdd · SetRemove                        sadd · srem  s
//	ZSetAdd · ZSetRemove                      zadd · zrem  z
//	ListPush · ListPop                        lpush rpush · lpop rpop, by the side   l
//	ListSet · ListInsert · ListRemove         lset · linsert · lrem                  l
//	StreamAdd · StreamDelete · StreamTrim     xadd · xdel · xtrim                    t
//	StreamConsumer                            xgroup-createconsumer, if it is new    t
//	StreamForget · StreamDestroy              xgroup-delconsumer · xgroup-destroy    t
//	Expire                                    expire; persist where it is 0          g
//	Rename · Copy · Move                      new of the other key, and then rename_from rename_to ·
//	                                          copy_to · move_from move_to            g
//	Delete    a command asked for it          del         g    whatever its reason, EXPIRE's too
//	          overwritten                     nothing; what comes in its place is not new
//	          nobody asked, expired · evicted expired · evicted                      x · e
//	others    StreamSet StreamGroup StreamPending StreamAck Flush FlushAll Swap: nothing
//	after it    its key was there, is not any more    del, by whatever but Delete
//
// The command that is the cause gives another name to what its events are told as, but
// for Delete (notify_names.go):
//
//	incrby            INCR DECR INCRBY DECRBY         pfadd             PFADD PFMERGE
//	zincr             ZINCRBY, ZADD with INCR         georadiusstore    GEORADIUS GEORADIUSBYMEMBER
//	zpopmin zpopmax   ZPOPMIN … BZMPOP                sortstore         SORT
//	xgroup-create     XGROUP CREATE                   setbit            SETBIT, BITFIELD
//	xgroup-setid      XGROUP SETID                    restore           RESTORE, in class g
//	nothing           PFCOUNT PFDEBUG
//	the command's own INCRBYFLOAT APPEND SETRANGE HINCRBY HINCRBYFLOAT SPOP LTRIM XSETID
//	                  ZREMRANGEBYRANK, …SCORE, …LEX and SINTERSTORE, ZRANGESTORE, GEOSEARCHSTORE and their like
//
// What is much is recorded in several events, and told once: a notification that says the
// same as the one before of the same command is left out (but of MSET, which says it of each
// pair). Exact points, in which the events do not say what Redis does:
//
//   - A String with an expiry is told as set alone by INCR or KEEPTTL, which keep one, and
//     as set and expire by SET EX, SETEX and PSETEX. So SET's arguments are looked at. They
//     are at hand: what is told is a consequence of the live command, never of the log.
//   - A Delete by SPOP, ZPOPMIN, ZREMRANGEBYSCORE and their like stands for all members: it
//     is told by their name first. So is ZMPOP's, whose arguments say which end.
//   - LMOVE and its kin pop before they push, and are told the other way round.
//   - BITFIELD makes a string longer even if each of its writes would overflow and fails:
//     its reply says so, and Redis tells only that the key is new.
//   - LTRIM of a list that stays as it is tells ltrim, though nothing has happened. It is
//     the only one.
//   - Misses (m) are no events. They are told where a command is decided, before what it
//     changes: of the keys that Redis looks up to read them (notify_miss.go), most of which
//     are the read-only ones of the command's key specs. Those that SORT makes of patterns it
//     tells itself (command.Call.Missed).
//   - Keys that are due and that a command names are removed before it is decided: of
//     several, expired is told of all before the first keymiss. Redis goes key by key.
//   - CONFIG GET leaves n out beside A, as Redis does; recordings keep it.
//
// # Tracking
//
// CLIENT TRACKING has a client be told of keys that it may have kept, when they change: of those
// that it has read, each once (the table), or of all with a prefix (BCAST). What changes is told
// by events just before they are applied, as WATCH sees them, so nothing that changes a key can
// forget to; expiry and eviction count, a swap of databases does not, since keys are kept in mind
// without their database. Whoever is told gets a push, in RESP2 a message to the connection that
// REDIRECT names. Like all pushes it leaves once the turn is committed, and comes behind the reply
// where a client is told of what it has done itself. Exact points:
//
//   - Flushing tells all who track "everything", even where there was nothing, and so does a turn
//     that fails: what was told in it has not left, and the table has forgotten whom to tell.
//   - Of prefixes a unit's keys are told in one message; Redis gathers them for as long as its
//     loop runs. So a replay says the same.
//   - The table has tracking-table-max-keys keys at most. Beyond that clients are told of those
//     that were read longest ago as if they had changed; Redis takes any.
//   - "Everything" is told in the protocol of who is told; Redis takes that of who tracks.
//   - Evictions are nobody's own: who has asked not to be told of those (NOLOOP) is told of them.
//   - What is left unread of this is limited as a subscriber's messages are.
//   - Ids of connections that have gone stay in the table until their key changes, or so many
//     have gathered that they are looked through.
//
// While nobody tracks, all of it is a comparison for each command and each change.
//
// # The past
//
// ASOF asks [Options.Past], beside the server and after the turn's Commit: so whatever the
// client was answered before is part of what it may look at. It waits as for SAVE. A
// connection that stands at a moment has there whatever reads data, a transaction as a
// whole, and is refused whatever writes; what speaks of connections and the server is
// carried out as ever. What is watched in the present stays so, whatever a transaction about the past,
// WATCH or UNWATCH do meanwhile. What LOG tells of entries, keys, differences and tags goes the same
// way; LOG SUBSCRIBE begins a stream of entries that a goroutine reads and posts (follow.go).
// None of that is a step of a recording: it changes nothing, and
// whoever plays the recording does not have that past.
//
// A key of which no entry after the moment speaks holds now what it held then. So what reads
// keys by name is answered by the live state where that is so, with the clock of the moment: a
// key is there until an entry removes it, however long it has been due. That costs what the
// command costs in the present, however large the value is and however long its history:
//
//	loop      after the turn's Commit, with the last entry @L ▶ [Options.Past]; from now on it is
//	          noted whether an event speaks of one of the keys (overlay.go)
//	beside    no entry after the moment up to @L speaks of them: [PastAnswer].Live
//	loop      no event since has spoken of them    the command is carried out on the live state
//	          one has, or there is no state now    Past is asked again, and answers without it
//
// While nobody asks, all of it is a comparison for each change. Exact points:
//
//   - Whatever speaks of a key counts, whether or not that changes it: there are none of the
//     exceptions of WATCH. Emptying or swapping any database counts for all keys.
//   - Nothing is noted of the read: no access, hit, miss or event. SLOWLOG and LATENCY have what
//     it took of the loop, as they have what waited and is decided again.
//   - What tells of the process and not of the data (OBJECT IDLETIME, MEMORY USAGE) is not
//     answered so, nor what reads keys that it does not name (SCAN, SORT_RO with BY).
//   - Nor is a command that may look at all of a large value (HGETALL, LRANGE): beside the loop
//     nobody waits for it.
//   - What a failed turn has written counts too. The state that is then read again from the log
//     answers as the one before would have.
//
// # Going back
//
// LOG RESTORE and LOG UNDO change data as every command does, by events in one entry; what these
// are is found beside the server, since it takes a look at the past:
//
//	loop      LOG RESTORE p   rights, mode, memory · after the turn's Commit ▶ [Options.Past]
//	beside    what differs between the last entry, @L, and the past, as events ([PastChange])
//	loop      nothing came after @L      apply, append: a unit of its own. The reply waits for
//	                                     its Commit, and is -MISCONF where that fails
//	          something came after @L    hold writes · ask again, for the present last entry
//
// So events are only ever applied to the state that they were made for, and as writes are held
// (as by CLIENT PAUSE; nothing expires, nothing is evicted) when it is asked again, the second
// time is the last. Reads go on. Where the state afterwards is known, its digest is held
// against that before the entry is appended: what does not lead there is a bug, the unit is not
// appended, and memory is read again from the log. Exact points:
//
//   - A client's pause is waited for; one that begins while the server holds writes goes on.
//   - Whose client has gone is not done.
//   - Notifications tell what the events do, by the events' own names (set, hset, rpush, del …).
//   - What was done is a step of a recording, with its events, since a player has no such past,
//     and so is that writes are held, since keys that are due stay for as long;
//     the command and its reply are none. What it has others sent are steps as ever.
//
// # Checkpoints
//
// Wanted by SAVE, BGSAVE, BGREWRITEAOF, SHUTDOWN SAVE, or because the log has
// grown since the last one: by checkpoint-growth bytes, or by more entries than Pace.Spacing,
// so that any point of the past is reached soon. For the latter's sake one is made only when
// nine times as long has gone by as the last one took. checkpoint-growth 0 turns both off.
// Begun at the end of a turn, at
// the offset of its last entry. The live state's digest there is kept and goes
// with the request: a checkpoint with another one is a bug or bad memory, is
// not used, and is shown in INFO and the log.
//
// # Recording
//
// While a recording runs, every connect, command with its reply, disconnect and
// every Tick that changed something is a step, in the order of execution, with the
// clock and the seed that it saw. The steps of a turn are handed over once its
// Commit has succeeded. Connections that are there when it begins get a prelude
// of commands that bring a fresh connection into the same state: AUTH, HELLO,
// CLIENT, WATCH, SELECT, MULTI with its queue, EXISTS of the keys that it tracks. Keys that are
// due are removed before it begins, all of them, since those commands would. Two things have
// no command: a watch that is lost already, and waiting for a key that has come to hold another type.
// A connection between such a WATCH and its EXEC, or that waits so, diverges
// when it is played. What is pushed is a step behind that of which it is a consequence, so
// a player is sent the same and compares it. A command that waits for others is a step
// where it began to, without a reply: that is a push. One that waits for what no
// step brings about (SAVE, WAITAOF) is a step where it is answered. A Tick that ends
// somebody's waiting is a step, as one that removes keys. Who waits when the recording begins,
// and for what, is told with the clocks of then, in the old order.
// Passwords are recorded as pseudonyms (record_hide.go).
// RECORD itself is no step. When nothing is recorded, all of it costs a
// comparison with nil for each command.
//
// # Memory
//
// A Run ends early once it has written 1 MiB of replies or its turn has lasted
// 5 ms; one reply may be larger, and one command may take longer. Values of
// state.LendFrom bytes and more are lent to replies, not copied, but for small parts of long strings.
// Buffers that one huge command has made grow are given back after it.
//
// # Goroutines
//
// Everything here runs on the front end's loop, except for what takes long: functions that
// whoever builds the engine hands in, and a collection of Go's heap. They get a
// goroutine each time, own what they are given, and their results come back by
// [Options.Post], which runs a function on the loop.
//
//	goroutine     owns                       reached by        stops
//	the loop      Engine, State, Sessions    Handler, Post     with the server
//	checkpoint    one run of                 its result is     by itself; one at a time
//	              Options.Checkpoint         posted
//	heal          one try of Options.Rebuild its result is     by itself; one at a time;
//	              or log.Heal                posted            the loop leaves the log alone
//	past          one run of Options.Past,   its answer is     by itself; one for each
//	              or of PastChange.Again     posted            session that asks
//	follow        one run of                 what it reads is  with the subscription or
//	              Options.Follow             posted            the connection
//	purge         nothing                    its end is        by itself; one at a time
//	                                         posted
//
// # How to read it
//
// turn.go is the path of every command; pause.go holds some; multi.go, watch.go, expiry.go and blocking.go are
// what a unit may be besides one command; push.go is what leaves besides replies, and notify.go what is told of changes; failure.go is what happens when the
// log refuses; checkpoint.go, record.go and shutdown.go are what the core does
// for operators. The rest (connections, CLIENT, CONFIG, INFO, DEBUG, LOG) are
// handlers that use it.
package engine
