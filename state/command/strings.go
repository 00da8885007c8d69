package command

import (
	"math"

	"github.com/altilium-db/altilium/resp"
	"github.com/altilium-db/altilium/state"
	"github.com/altilium-db/altilium/state/event"
)

// stringCommands are the commands on string values, but for the counters.
func stringCommands() []*Spec {
	var all []*Spec
	all = append(all, stringReads()...)
	all = append(all, stringWrites()...)
	return append(all, rangeCommands()...)
}

func stringReads() []*Spec {
	return []*Spec{
		{
			Name: "get", Arity: 2, Flags: ReadOnly | Fast, Keys: oneKey("RO ACCESS"),
			Categories: "string", Since: "1.0.0", Group: "string", Complexity: "O(1)",
			Summary: "Returns the string stored at a key.",
			Args:    []Arg{{Name: "key", Type: "key"}},
			Decide:  getCommand,
		},
		{
			Name: "mget", Arity: -2, Flags: ReadOnly | Fast, Keys: []Keys{keysAt(1, -1, 1, "RO ACCESS")},
			Categories: "string", Since: "1.0.0", Group: "string",
			Complexity: "O(N) where N is the number of keys.",
			Summary:    "Returns the strings stored at one or more keys, null for each that holds none.",
			Args:       []Arg{{Name: "key", Type: "key", Flags: "multiple"}},
			Tips:       "request_policy:multi_shard",
			Decide:     mgetCommand,
		},
		{
			Name: "strlen", Arity: 2, Flags: ReadOnly | Fast, Keys: oneKey("RO"),
			Categories: "string", Since: "2.2.0", Group: "string", Complexity: "O(1)",
			Summary: "Returns the length of a string in bytes.",
			Args:    []Arg{{Name: "key", Type: "key"}},
			Decide:  strlenCommand,
		},
		{
			Name: "getdel", Arity: 2, Flags: Write | Fast, Keys: oneKey("RW ACCESS DELETE"),
			Categories: "string", Since: "6.2.0", Group: "string", Complexity: "O(1)",
			Summary: "Returns the string stored at a key and deletes the key.",
			Args:    []Arg{{Name: "key", Type: "key"}},
			Decide:  getdelCommand,
		},
		{
			Name: "getex", Arity: -2, Flags: Write | Fast, Keys: oneKey("RW ACCESS UPDATE"),
			Categories: "string", Since: "6.2.0", Group: "string", Complexity: "O(1)",
			Summary: "Returns the string stored at a key and changes when the key expires.",
			Args: []Arg{
				{Name: "key", Type: "key"},
				{Name: "expiration", Type: "oneof", Flags: "optional", Sub: expirationArgs("persist", "PERSIST")},
			},
			Decide: getexCommand,
		},
		{
			Name: "getset", Arity: 3, Flags: Write | DenyOOM | Fast, Keys: oneKey("RW ACCESS UPDATE"),
			Categories: "string", Since: "1.0.0", Group: "string", Complexity: "O(1)",
			Summary: "Returns the string stored at a key and stores another.",
			Args:    []Arg{{Name: "key", Type: "key"}, {Name: "value", Type: "string"}},
			Decide:  getsetCommand,
		},
	}
}

// oneKey is the key spec of a command whose first argument is its only key.

// expirationArgs documents the five ways to give an expiry, the last of them
// being a word alone.
func expirationArgs(name, token string) []Arg {
	return []Arg{
		{Name: "seconds", Type: "integer", Token: "EX"},
		{Name: "milliseconds", Type: "integer", Token: "PX"},
		{Name: "unix-time-seconds", Type: "unix-time", Token: "EXAT"},
		{Name: "unix-time-milliseconds", Type: "unix-time", Token: "PXAT"},
		{Name: name, Type: "pure-token", Token: token},
	}
}

// replyString answers the string at key, null if there is none. It returns
// false after an error: the key holds something else.
func replyString(c *Call, key []byte) (found, ok bool) {
	value, found, err := c.View.String(key)
	switch {
	case err != nil:
		c.Fail(err)
		return false, false
	case !found:
		c.Out.Null()
	default:
		replyPart(c, key, len(value), value)
	}
	return found, true
}

// A part is copied after all where it is less than one in lendShare of the string, and
// less than lendAlways bytes: the next change inside a string that was lent has all of it
// move, which takes far more work than copying a small part.
const (
	lendShare  = 8
	lendAlways = 1 << 20
)

// replyPart answers a part of the string at key, or all of it; whole is how long that
// is. A long part is lent to the reply instead of being copied into it.
func replyPart(c *Call, key []byte, whole int, part []byte) {
	if len(part) < state.LendFrom || len(part) < min(whole/lendShare, lendAlways) {
		c.Out.Bulk(part)
		return
	}
	c.Out.Lend(part, c.View.Lend(key))
}

func getCommand(c *Call) { replyString(c, c.Args[1]) }

// MaxReplies bounds, in bytes, what one request may have repeated to it: the
// same key named a thousand times, or GET queued a thousand times, would
// otherwise make a small request a large answer. What a single value can be is
// half of it.
const MaxReplies = 1 << 30

// maxCopied bounds, in bytes, how much of that may be copied: small values, which
// are not lent. More of it would hold up everybody else.
const maxCopied = 128 << 20

// A Limit holds the replies to one request against those bounds.
type Limit struct {
	out      *resp.Writer
	len, own int // of out when the request began
}

// NewLimit is called before the first byte of the replies is written to out.
func NewLimit(out *resp.Writer) Limit { return Limit{out, out.Len(), out.Own()} }

// Exceeded reports whether they have become too long.
func (l Limit) Exceeded() bool {
	return l.out.Len()-l.len > MaxReplies || l.out.Own()-l.own > maxCopied
}

// Drop takes them all back.
func (l Limit) Drop() { l.out.Truncate(l.len) }

// Refuse answers that they would be too long, instead of what has been written of them.
func (l Limit) Refuse() {
	l.Drop()
	l.out.Error(textTooMuch)
}

func mgetCommand(c *Call) {
	limit := NewLimit(c.Out)
	c.Out.Array(len(c.Args) - 1)
	for _, key := range c.Args[1:] {
		// A key that holds something else is answered as if it were absent.
		if value, found, err := c.View.String(key); err == nil && found {
			replyPart(c, key, len(value), value)
		} else {
			c.Out.Null()
		}
		if limit.Exceeded() {
			limit.Refuse()
			return
		}
	}
}

func strlenCommand(c *Call) {
	value, _, err := c.View.Bytes(c.Args[1])
	if err != nil {
		c.Fail(err)
		return
	}
	c.Out.Int(int64(value.Len()))
}

func getdelCommand(c *Call) {
	if found, ok := replyString(c, c.Args[1]); ok && found {
		c.Events.Delete(c.Args[1], event.User)
	}
}

func getsetCommand(c *Call) {
	if _, ok := replyString(c, c.Args[1]); ok {
		c.Events.String(c.Args[1], c.Args[2], 0)
	}
}

// getexCommand reads its options before it looks at the key, and the expiry
// they give after: a bad expiry of a missing key is answered with null.
func getexCommand(c *Call) {
	var o stringOptions
	if !o.parse(c, 2, false) {
		return
	}
	key := c.Args[1]
	value, found, err := c.View.String(key)
	if err != nil {
		c.Fail(err)
		return
	}
	if !found {
		c.Out.Null()
		return
	}
	var at int64
	if o.form != noExpiry {
		var ok bool
		if at, ok = o.expireAt(c); !ok {
			return
		}
	}
	replyPart(c, key, len(value), value)
	switch {
	case o.form.absolute() && at <= c.View.Now():
		c.Events.Delete(key, event.Expired)
	case o.form != noExpiry:
		c.Events.Expire(key, at)
	case o.persist:
		if was, _ := c.View.ExpireAt(key); was != 0 {
			c.Events.Expire(key, 0)
		}
	}
}

// expiryForm is how an option gives an expiry.
type expiryForm uint8

const (
	noExpiry expiryForm = iota
	inSeconds
	inMillis
	atSeconds
	atMillis
)

func (f expiryForm) absolute() bool { return f == atSeconds || f == atMillis }
func (f expiryForm) seconds() bool  { return f == inSeconds || f == atSeconds }

// stringOptions are the options of SET and GETEX.
type stringOptions struct {
	nx, xx, get, keepTTL, persist bool

	form   expiryForm
	expire []byte // as typed, if form says that there is one
}

// parse reads the options from c.Args[from] on: SET's or GETEX's. It returns
// false after answering that they do not go together. An option may come
// twice, the later counts, but not with one that contradicts it.
func (o *stringOptions) parse(c *Call, from int, set bool) bool {
	for i := from; i < len(c.Args); i++ {
		form := expiryOption(c.Args[i])
		switch {
		case form != noExpiry && (o.form == noExpiry || o.form == form) &&
			!o.keepTTL && !o.persist && i+1 < len(c.Args):
			i++
			o.form, o.expire = form, c.Args[i]
		case set && c.Is(i, "NX") && !o.xx:
			o.nx = true
		case set && c.Is(i, "XX") && !o.nx:
			o.xx = true
		case set && c.Is(i, "GET"):
			o.get = true
		case set && c.Is(i, "KEEPTTL") && o.form == noExpiry:
			o.keepTTL = true
		case !set && c.Is(i, "PERSIST") && o.form == noExpiry:
			o.persist = true
		default:
			c.Out.Error(TextSyntax)
			return false
		}
	}
	return true
}

func expiryOption(arg []byte) expiryForm {
	switch {
	case IsWord(arg, "EX"):
		return inSeconds
	case IsWord(arg, "PX"):
		return inMillis
	case IsWord(arg, "EXAT"):
		return atSeconds
	case IsWord(arg, "PXAT"):
		return atMillis
	}
	return noExpiry
}

// expireAt is the expiry in ms since 1970 that the options give. It returns
// false after an error reply.
func (o *stringOptions) expireAt(c *Call) (at int64, ok bool) {
	n, ok := ParseInt(o.expire)
	if !ok {
		c.Out.Error(TextNotInteger)
		return 0, false
	}
	if n <= 0 || o.form.seconds() && n > math.MaxInt64/1000 {
		c.InvalidExpire()
		return 0, false
	}
	if o.form.seconds() {
		n *= 1000
	}
	if !o.form.absolute() {
		if n > math.MaxInt64-c.View.Now() {
			c.InvalidExpire()
			return 0, false
		}
		n += c.View.Now()
	}
	return n, true
}
