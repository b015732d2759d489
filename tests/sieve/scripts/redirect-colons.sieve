redirect "\"Re: Beep\" <one@[IPv6:2001:db8::1]>";
redirect "two@[IPv6:2001:db8::1]";
