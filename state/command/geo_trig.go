package command

import "math"

// The functions below are those of package math, but rounded right nearly always: as the C
// library of Redis has them, and the same on all machines. What is too much for a float64
// lies in a second one.

// twoFloats is the sum of two floats, of which low is less than the last digit of high.
type twoFloats struct{ high, low float64 }

// twoSum is a+b, where a is the larger one.
func twoSum(a, b float64) twoFloats {
	s := a + b
	return twoFloats{s, b - (s - a)}
}

func (a twoFloats) plus(b twoFloats) twoFloats {
	s := twoSum(a.high, b.high)
	return twoSum(s.high, s.low+a.low+b.low)
}

func (a twoFloats) times(b twoFloats) twoFloats {
	p := a.high * b.high
	return twoSum(p, math.FMA(a.high, b.high, -p)+float64(a.high*b.low)+float64(a.low*b.high))
}

// quarter is x without the whole multiples of π/2, and how many those were. x is at most 2π.
func quarter(x float64) (rest twoFloats, n int) {
	const low, lower = 6.123233995736766e-17, -1.4973849048591833e-33 // of π/2
	k := math.RoundToEven(x / (math.Pi / 2))
	high := x - k*float64(math.Pi/2) // exact
	s := high - k*low
	t := s - high
	return twoFloats{s, high - (s - t) + (-k*low - t) - k*lower}, int(k) & 3
}

// sineOf is the sine of x and cosineOf its cosine, by Taylor's series, of an x of at most
// π/4: the terms that matter most in two floats.
func sineOf(x twoFloats) twoFloats {
	xx := x.times(x)
	y := xx.high
	rest := y * (-1.0/5040 + y*(1.0/362880+y*(-1.0/39916800+y*(1.0/6227020800+y*(-1.0/1307674368000+y*(1.0/355687428096000))))))
	s := twoFloats{0.008333333333333333, 1.1564823173178714e-19}.plus(twoFloats{rest, 0}) // 1/5!
	s = twoFloats{-0.16666666666666666, -9.25185853854297e-18}.plus(s.times(xx))          // 1/3!
	return x.plus(s.times(xx).times(x))
}

func cosineOf(x twoFloats) twoFloats {
	xx := x.times(x)
	y := xx.high
	rest := y * (-1.0/720 + y*(1.0/40320+y*(-1.0/3628800+y*(1.0/479001600+y*(-1.0/87178291200+y*(1.0/20922789888000))))))
	s := twoFloats{0.041666666666666664, 2.3129646346357427e-18}.plus(twoFloats{rest, 0}) // 1/4!
	s = twoFloats{-0.5, 0}.plus(s.times(xx))
	return twoFloats{1, 0}.plus(s.times(xx))
}

func sine(x float64) float64 {
	rest, n := quarter(x)
	return turned(rest, n).high
}

func cosine(x float64) float64 {
	rest, n := quarter(x)
	return turned(rest, n+1).high
}

// turned is the sine of x and n quarters.
func turned(x twoFloats, n int) (s twoFloats) {
	if n&1 == 0 {
		s = sineOf(x)
	} else {
		s = cosineOf(x)
	}
	if n&2 != 0 {
		return twoFloats{-s.high, -s.low}
	}
	return s
}

// arcsine takes numbers that are not negative; those above 1 have none.
func arcsine(x float64) float64 {
	if x <= 0.5 {
		return arcsineOf(twoFloats{x, 0}).high
	}
	// asin x = π/2 - 2 asin √((1-x)/2), which is as exact near 1 as elsewhere.
	half := (1 - x) / 2
	root := math.Sqrt(half)
	if root == 0 {
		return math.Pi / 2
	}
	a := arcsineOf(twoFloats{root, math.FMA(-root, root, half) / (2 * root)})
	return twoFloats{math.Pi / 2, 6.123233995736766e-17}.plus(twoFloats{-2 * a.high, -2 * a.low}).high
}

// arcsineOf takes one step of Newton's from where package math says that it is.
func arcsineOf(x twoFloats) twoFloats {
	guess := math.Asin(x.high)
	s := sineOf(twoFloats{guess, 0})
	return twoSum(guess, (x.high-s.high+(x.low-s.low))/math.Cos(guess))
}
