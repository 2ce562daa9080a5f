#!/usr/bin/perl
# A receiver on a local socket as syslog's: one line in FILE for each datagram. Node has no datagram sockets of this kind.
use strict;
use warnings;
use IO::Handle;
use IO::Socket::UNIX;

my ($path, $file) = @ARGV;
unlink $path;
my $socket = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => $path) or die "$path: $!\n";
chmod 0666, $path;
open my $out, '>>', $file or die "$file: $!\n";
$out->autoflush(1);
print "ready\n";
STDOUT->flush;
while (defined $socket->recv(my $text, 1 << 18)) {
    print $out "$text\n";
}
