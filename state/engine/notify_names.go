package engine

import (
	"bytes"

	"github.com/altilium-db/altilium/state/command"
	"github.com/altilium-db/altilium/state/event"
)

// voice is how the events of a command are told where their kinds alone do not say it
// (package comment, "Notifications"). The zero value: by their kinds.
type voice struct {
	name  string      // of all its events but Delete; "" by their kinds
	class notifyClass // of name; 0 by the kind

	// named gives name where the arguments and the reply decide it; "" tells nothing.
	named func(args [][]byte, reply []byte) string

	silent    bool // it tells nothing
	each      bool // each event is told, though it says the same of the same key
	drains    bool // a Delete means that it has taken out all that there was: name, then del
	renews    bool // what it overwrites was deleted before, so that the key is new
	pushFirst bool // see turn
	anyway    bool // its key counts as changed, and it tells its name, where it leaves everything as it is, too

	// expires is whether a String event with an expiry has been given that by args.
	expires func(args [][]byte) bool
}

// voices are those of the commands whose events do not speak for themselves, by full name.
func voices() map[string]voice {
	all := map[string]voice{
		"set": {expires: setsExpiry}, "setex": {expires: always}, "psetex": {expires: always},
		"mset": {each: true}, "msetnx": {each: true},
		"pfcount": {silent: true}, "pfdebug": {silent: true},
		"hincrby": {name: "hincrby"}, "hincrbyfloat": {name: "hincrbyfloat"},
		"ltrim":    {name: "ltrim", class: ofList, anyway: true},
		"bitfield": {named: bitfieldName},
		"zadd":     {named: zaddName},
		"zincrby":  {name: "zincr"},
		"xsetid":   {name: "xsetid"}, "xgroup|create": {name: "xgroup-create"}, "xgroup|setid": {name: "xgroup-setid"},
		"sort":              {name: "sortstore"},
		"restore":           {name: "restore", class: ofGeneric, renews: true},
		"spop":              {name: "spop", class: ofSet, drains: true},
		"georadius":         {name: "georadiusstore"},
		"georadiusbymember": {name: "georadiusstore"},
	}
	for name, of := range map[string][]string{
		"incrby": {"incr", "decr", "incrby", "decrby"}, "pfadd": {"pfadd", "pfmerge"},
	} {
		for _, command := range of {
			all[command] = voice{name: name}
		}
	}
	for _, own := range []string{
		"append", "setrange", "setbit", "incrbyfloat", "sinterstore", "sunionstore", "sdiffstore",
		"zunionstore", "zinterstore", "zdiffstore", "zrangestore", "geosearchstore",
	} {
		all[own] = voice{name: own}
	}
	for command, name := range map[string]string{
		"zpopmin": "zpopmin", "bzpopmin": "zpopmin", "zpopmax": "zpopmax", "bzpopmax": "zpopmax",
		"zremrangebyrank": "zremrangebyrank", "zremrangebyscore": "zremrangebyscore", "zremrangebylex": "zremrangebylex",
	} {
		all[command] = voice{name: name, class: ofZSet, drains: true}
	}
	all["zmpop"] = voice{named: zmpopName(1), class: ofZSet, drains: true}
	all["bzmpop"] = voice{named: zmpopName(2), class: ofZSet, drains: true}
	for _, command := range []string{"lmove", "rpoplpush", "blmove", "brpoplpush"} {
		all[command] = voice{pushFirst: true}
	}
	return all
}

func always([][]byte) bool { return true }

// setsExpiry is SET key value … without KEEPTTL: no other option takes that word.
func setsExpiry(args [][]byte) bool {
	for _, a := range args[3:] {
		if command.IsWord(a, "KEEPTTL") {
			return false
		}
	}
	return true
}

// zaddName is ZADD key [option …] score member: with INCR it is an increment.
func zaddName(args [][]byte, _ []byte) string {
	for _, a := range args[2:] {
		switch {
		case command.IsWord(a, "INCR"):
			return "zincr"
		case !isZaddOption(a):
			return "zadd"
		}
	}
	return "zadd"
}

func isZaddOption(a []byte) bool {
	for _, word := range [...]string{"NX", "XX", "GT", "LT", "CH"} {
		if command.IsWord(a, word) {
			return true
		}
	}
	return false
}

// zmpopName is ZMPOP's, whose number of keys stands at an argument.
func zmpopName(at int) func(args [][]byte, _ []byte) string {
	return func(args [][]byte, _ []byte) string {
		if n, ok := command.ParseInt(args[at]); ok && command.IsWord(args[at+1+int(n)], "MAX") {
			return "zpopmax"
		}
		return "zpopmin"
	}
}

// bitfieldName is BITFIELD's, which has lengthened the string even where none of its
// writes was done, since each would have overflowed: Redis does not tell that.
func bitfieldName(args [][]byte, reply []byte) string {
	writes := 0
	for _, a := range args[2:] {
		if command.IsWord(a, "SET") || command.IsWord(a, "INCRBY") {
			writes++
		}
	}
	if bytes.Count(reply, []byte("$-1\r\n"))+bytes.Count(reply, []byte("_\r\n")) == writes {
		return ""
	}
	return "setbit"
}

// nameOf is what an event is told as, "" where it is not.
func (n *notifyState) nameOf(ev *event.Event) string {
	switch v := &n.voice; {
	case v.silent:
		return ""
	case v.named != nil:
		return v.named(n.args, n.reply)
	case v.name != "":
		return v.name
	}
	switch ev.Kind {
	case event.ListPush:
		return [...]string{"lpush", "rpush"}[ev.Side]
	case event.ListPop:
		return [...]string{"lpop", "rpop"}[ev.Side]
	case event.Expire:
		if ev.At == 0 {
			return "persist"
		}
		return "expire"
	}
	return nameOfKind(ev.Kind)
}

func nameOfKind(k event.Kind) string {
	switch k {
	case event.String, event.Text, event.Append, event.Range:
		return "set"
	case event.HashSet:
		return "hset"
	case event.HashDelete:
		return "hdel"
	case event.SetAdd:
		return "sadd"
	case event.SetRemove:
		return "srem"
	case event.ZSetAdd:
		return "zadd"
	case event.ZSetRemove:
		return "zrem"
	case event.ListSet:
		return "lset"
	case event.ListInsert:
		return "linsert"
	case event.ListRemove:
		return "lrem"
	case event.StreamAdd:
		return "xadd"
	case event.StreamDelete:
		return "xdel"
	case event.StreamTrim:
		return "xtrim"
	case event.StreamDestroy:
		return "xgroup-destroy"
	case event.StreamConsumer:
		return "xgroup-createconsumer"
	case event.StreamForget:
		return "xgroup-delconsumer"
	}
	return "" // what a group was given or has acknowledged, and emptied databases
}

// classOf is the class of what events of a kind are told as.
func classOf(k event.Kind) notifyClass {
	switch {
	case k >= event.StreamAdd:
		return ofStream
	case k >= event.ListPush:
		return ofList
	case k >= event.Delete:
		return ofGeneric
	case k >= event.ZSetAdd:
		return ofZSet
	case k >= event.SetAdd:
		return ofSet
	case k >= event.HashSet:
		return ofHash
	}
	return ofString
}
