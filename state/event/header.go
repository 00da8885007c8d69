package event

// Origin is what is known of the connection that caused an entry.
type Origin struct {
	Addr   string // "127.0.0.1:52341"
	User   string // ACL user, "default"
	Name   string // CLIENT SETNAME
	Lib    string // CLIENT SETINFO LIB-NAME
	LibVer string // CLIENT SETINFO LIB-VER
}

// Header opens the body of an entry.
type Header struct {
	DB     int      // database of the events that follow
	Conn   uint64   // connection id, 0 for the server itself
	Origin *Origin  // nil but in the connection's first entry of a segment
	Name   string   // the command's name, upper case
	Argv   [][]byte // its whole argv instead of Name, where the events do not tell it
}

// AppendHeader appends the byte form of h to dst.
func AppendHeader(dst []byte, h Header) []byte {
	dst = appendArray(dst, 3)
	dst = appendUint(dst, uint64(h.DB))
	if h.Origin == nil {
		dst = appendUint(dst, h.Conn)
	} else {
		dst = appendArray(dst, 6)
		dst = appendUint(dst, h.Conn)
		for _, s := range [...]string{h.Origin.Addr, h.Origin.User, h.Origin.Name, h.Origin.Lib, h.Origin.LibVer} {
			dst = appendStr(dst, s)
		}
	}
	if h.Argv == nil {
		return appendStr(dst, h.Name)
	}
	dst = appendArray(dst, len(h.Argv))
	for _, arg := range h.Argv {
		dst = appendBin(dst, arg)
	}
	return dst
}
