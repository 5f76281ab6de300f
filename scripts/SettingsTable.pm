# Reads src/daemon/settings.def, for what is made from it: manual pages and the completion of shells.
package SettingsTable;

use strict;
use warnings;

use Exporter qw(import);

our @EXPORT = qw(argument choices read_file rows takes_value);

sub read_file {
    my ($path) = @_;
    open my $file, '<', $path or die "$path: $!\n";
    local $/;
    return scalar <$file>;
}

# The rows of the table, as hashes.
sub rows {
    my ($text) = @_;
    my %columns = (
        SETTING => [qw(kind field start limits stat letter long extended effect help)],
        REFUSED => [qw(stat start letter long extended help)],
    );
    $text =~ s{/\*.*?\*/}{}gs;
    my $value = qr/"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)'|\w+/;
    my @rows;
    while ($text =~ /^(SETTING|REFUSED)\(((?:$value|[\s,])*)\)/gm) {
        my ($macro, $arguments) = ($1, $2);
        my @values;
        # Strings that stand side by side are one.
        while ($arguments =~ /\G\s*((?:$value\s*)+),?/gc) {
            my $item = $1;
            push @values, join '', map { /^["'](.*)["']$/s ? $1 : $_ } $item =~ /($value)/g;
        }
        my %row;
        @row{@{$columns{$macro}}} = @values;
        die "$macro($arguments): not as many values as there are columns\n"
            if @values != @{$columns{$macro}};
        $row{kind} //= 'REFUSED';
        $row{effect} //= 'REFUSED';
        $row{letter} = '' if $row{letter} eq '0';
        push @rows, \%row;
    }
    return @rows;
}

sub takes_value {
    my ($row) = @_;
    return $row->{kind} !~ /^(?:FLAG|COUNT|REFUSED)$/;
}

# The words of a choice.
sub choices {
    my ($row) = @_;
    return $row->{kind} eq 'CHOICE' ? map { s/=.*//r } split /\|/, $row->{limits} : ();
}

# What stands for the value: mdoc's .Ar takes words.
sub argument {
    my ($row) = @_;
    my %name = (DECIMAL => 'ratio', OCTAL => 'mode', SIZE => 'size');
    return join '|', choices($row) if $row->{kind} eq 'CHOICE';
    return $row->{limits} if $row->{kind} =~ /^(?:TEXT|LIST)$/;
    return $name{$row->{kind}} // 'num';
}

1;
