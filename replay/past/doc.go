// Package past answers what clients ask of the past, beside the server: reads at a moment
// ([ASOF]), and what the log tells of itself (LOG …). It is the same for a connection to
// a running server and for the command line on a directory.
//
//	loop      ASOF @1200 GET k   the engine: arity, rights · after the turn's Commit ▶ [Room.Answer]
//	beside    resolve the point · take the view · carry out the command on it
//	loop      the reply, as a turn of its own; the session has waited for it as for SAVE
//
// # Reading at a moment
//
// A command that reads runs on a whole state, or on one of just the keys that it names,
// with the clock standing still at that moment: what had expired then is gone, and TTL
// counts from then. [Reader] carries it out with the decisions that the engine uses, so
// the past needs no line in the command code. What would have been recorded (PFCOUNT's
// cache) is dropped. A command that writes is answered -ASOFRO; one that speaks of a
// connection or a server is the engine's and no command about the past, but for these,
// which are answered as of then:
//
//	TIME · LOG OFFSET · LOG DIGEST · DEBUG DIGEST · DEBUG DIGEST-VALUE
//
// Of where the keys are read there are these ways, the first that there is:
//
//	a view                  that is open at that moment already ([replay.Views])
//	the live state          where no entry after the moment speaks of them ([Answer].Live): what they
//	                        held then they hold now. It is the engine's, which carries the
//	                        command out, unless they are written to meanwhile
//	a state of these alone  found by going back from the moment ([replay.Seeker])
//	a new view              where more is read, or too many keys
//
// # What the log tells
//
// [Source.Lines] answers LOG RANGE, KEY, BLAME, DIFF and TAGS in lines, for people or as
// JSON. The verbs of the command line ask it on a directory, and a server with --addr: so
// both print the same. [Source.Follow] goes on as the log grows.
//
// # Going back
//
// LOG RESTORE and LOG UNDO are answered by a [Change]: what is to be done is found here
// ([replay.Return]), and done by the engine, which asks again where there was more written.
//
//	RESTORE point [MATCH glob]                 the data, in all databases, is what it was then
//	        [TTL ABSOLUTE | SHIFT | FROZEN]    what becomes of expiries: see [replay.TTL]. SHIFT counts
//	                                           from when this was asked for
//	UNDO first [last] [MATCH glob] [FORCE]     what the entries first to last have changed is what
//	     A..B                                  it was before them
//
// The reply is a map: point (RESTORE), or first and last (UNDO); entry, the offset of what did it,
// 0 where nothing differed; added, removed, changed: keys; and of UNDO conflicts, how many keys
// FORCE took back that were written since. One is under way at a time. What RESTORE has led to is
// remembered, so that who goes back to the same point again and again pays for what came since
// the last time, not since the point.
//
// # Forks
//
// LOG FORK point name makes a data directory called as the server's own with -NAME behind it,
// beside it ([replay.Fork]). The reply is a map: point, dir.
//
// # Conditions
//
// [ParseExpr] reads a condition on the state of a moment, for `altilium bisect --expr` and
// LOG BISECT, which look for the first entry after which it no longer holds:
//
//	GET stock >= 0
//	HGET user:1 name == "Ada" and not EXISTS banned:1
//	SCARD s < 10 or (TYPE s == list and LLEN s < 10)
//	SMEMBERS roles contains admin
//
//	condition   = all { "or" all }
//	all         = one { "and" one }
//	one         = "not" one | side [ operator side ]
//	side        = "(" condition ")" | value | command
//	operator    = "==" | "!=" | "<" | "<=" | ">" | ">=" | "contains"
//
// A command that reads is the words up to the next operator, "and", "or", ")" or the end. A
// lone word after an operator, and a lone number or quoted word anywhere, is a value; a
// command of one word stands there in parentheses: 10 < (DBSIZE). Words are separated by
// blanks, as operators are; they are quoted as in a shell, "…" with \" \\ \n \r \t \xHH
// in it, '…' with anything. What is quoted is never an operator or a parenthesis; a word that
// has one of < = > in it must be quoted, so that GET stock>=0 is no key by mistake.
//
// Two sides that are numbers are compared as numbers, others as bytes. Nothing (nil) is
// unequal to everything, to itself too, and neither less nor greater; so a condition on a
// key that is not there yet does not hold: not EXISTS stock or GET stock >= 0 does.
// contains is: a text has that text in it; a list, set or sorted set such an element; a
// hash such a field. Two lists cannot be compared otherwise. A condition without operator
// holds but for nil, a number that is 0, an empty text, and an empty list. What stands right
// of "and" is not asked where the left does not hold, nor right of "or" where it does.
//
// A command that writes, that depends on the server and not on data, or that is not there,
// is refused with its place; so is an error that one answers at a moment (WRONGTYPE): a
// TYPE k == hash and … before it says what is meant.
//
// LOG BISECT good bad condition … answers what `altilium bisect` prints, for the database
// of the connection. The words of the condition may be one argument, or as many as they
// are: what a client has taken out of quotes is quoted again. One is under way at a time,
// with a state of its own besides the views.
//
// # Errors
//
//	BADPOINT NOTAG FUTURE COMPACTED   the point, see [replay.PointError]
//	ASOFRO     the command writes
//	BUSYVIEW   all views are in use at other offsets, or another LOG BISECT, LOG DIFF, or LOG
//	           RESTORE or UNDO is under way
//	CONFLICT   LOG UNDO: keys were written since; the first of them, each with its last entry
//	DAMAGED    log and checkpoints cannot be read up to there: what, where, the way out
//
// # Goroutines
//
// None of its own. Answer may be called from any number of goroutines at once, and takes
// as long as the work takes.
package past
