function Get-GwbGroupTitle {
    # How a group is named in prompts and What if lines.
    param([Parameter(Mandatory)] $Group)

    if ($Group.GroupDN) { "$($Group.GroupName) ($($Group.GroupDN))" } else { [string] $Group.GroupName }
}
