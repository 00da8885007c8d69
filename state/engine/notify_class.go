package engine

import (
	"errors"
	"strings"
)

// notifyClass is a set of classes of keyspace notifications, and of the channels that
// they are published on: the setting notify-keyspace-events.
type notifyClass uint16

const (
	ofKeyspace notifyClass = 1 << iota // K: on __keyspace@db__:key
	ofKeyevent                         // E: on __keyevent@db__:name
	ofGeneric                          // g
	ofString                           // $
	ofList                             // l
	ofSet                              // s
	ofHash                             // h
	ofZSet                             // z
	ofExpired                          // x
	ofEvicted                          // e
	ofStream                           // t
	ofModule                           // d: taken, and never published: there are no modules
	ofNew                              // n
	ofMiss                             // m

	// allClasses is what A stands for.
	allClasses = ofGeneric | ofString | ofList | ofSet | ofHash | ofZSet | ofExpired | ofEvicted | ofStream | ofModule
)

// classLetters are the classes in the order in which Redis shows them.
func classLetters() []struct {
	letter byte
	class  notifyClass
} {
	return []struct {
		letter byte
		class  notifyClass
	}{
		{'A', allClasses}, {'g', ofGeneric}, {'$', ofString}, {'l', ofList}, {'s', ofSet}, {'h', ofHash}, {'z', ofZSet},
		{'x', ofExpired}, {'e', ofEvicted}, {'t', ofStream}, {'d', ofModule}, {'n', ofNew},
		{'K', ofKeyspace}, {'E', ofKeyevent}, {'m', ofMiss},
	}
}

// parseClasses reads classes as letters in any order.
func parseClasses(text string) (all notifyClass, err error) {
	letters := classLetters()
next:
	for i := range len(text) {
		for _, l := range letters {
			if l.letter == text[i] {
				all |= l.class
				continue next
			}
		}
		return 0, errors.New("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.")
	}
	return all, nil
}

// String is the classes as letters, each class once.
func (c notifyClass) String() string {
	var b strings.Builder
	shown := notifyClass(0)
	for _, l := range classLetters() {
		if c&l.class == l.class && shown&l.class == 0 {
			b.WriteByte(l.letter)
			shown |= l.class
		}
	}
	return b.String()
}

// redisText is what CONFIG GET answers: Redis leaves n out beside A.
func (c notifyClass) redisText() string {
	if c&allClasses == allClasses {
		c &^= ofNew
	}
	return c.String()
}

func notifyParam() Param {
	return Param{
		Name: "notify-keyspace-events", Kind: "letters of AKEg$lshzxetdmn", Runtime: true,
		Doc: "Which changes of keys are published, on __keyspace@db__:key (K) and __keyevent@db__:event (E): A for all, or classes " +
			"(g generic, $ strings, l lists, s sets, h hashes, z sorted sets, t streams, x expired, e evicted); n new keys and m misses are extra. Empty for none.",
		get:   func(s *settings) string { return s.notify.String() },
		redis: func(s *settings) string { return s.notify.redisText() },
		set: func(s *settings, v string) error {
			classes, err := parseClasses(v)
			if err == nil {
				s.notify = classes
			}
			return err
		},
	}
}
