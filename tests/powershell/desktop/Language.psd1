# What Windows PowerShell 5.1 has besides the commands and types of the two lists, and what its successors added to things that it has.
@{
    # Functions of a session that belong to no module.
    Functions           = @(
        'Clear-Host', 'Get-Verb', 'ImportSystemModules', 'Pause', 'TabExpansion2', 'help', 'mkdir', 'more', 'oss', 'prompt'
    )

    Aliases             = @{
        '%' = 'ForEach-Object'; '?' = 'Where-Object'; ac = 'Add-Content'; asnp = 'Add-PSSnapin'; cat = 'Get-Content'; cd = 'Set-Location'
        chdir = 'Set-Location'; clc = 'Clear-Content'; clear = 'Clear-Host'; clhy = 'Clear-History'; cli = 'Clear-Item'; clp = 'Clear-ItemProperty'
        cls = 'Clear-Host'; clv = 'Clear-Variable'; cnsn = 'Connect-PSSession'; compare = 'Compare-Object'; copy = 'Copy-Item'; cp = 'Copy-Item'
        cpi = 'Copy-Item'; cpp = 'Copy-ItemProperty'; curl = 'Invoke-WebRequest'; cvpa = 'Convert-Path'; dbp = 'Disable-PSBreakpoint'
        del = 'Remove-Item'; diff = 'Compare-Object'; dir = 'Get-ChildItem'; dnsn = 'Disconnect-PSSession'; ebp = 'Enable-PSBreakpoint'
        echo = 'Write-Output'; epal = 'Export-Alias'; epcsv = 'Export-Csv'; epsn = 'Export-PSSession'; erase = 'Remove-Item'
        etsn = 'Enter-PSSession'; exsn = 'Exit-PSSession'; fc = 'Format-Custom'; fhx = 'Format-Hex'; fl = 'Format-List'
        foreach = 'ForEach-Object'; ft = 'Format-Table'; fw = 'Format-Wide'; gal = 'Get-Alias'; gbp = 'Get-PSBreakpoint'; gc = 'Get-Content'
        gcb = 'Get-Clipboard'; gci = 'Get-ChildItem'; gcm = 'Get-Command'; gcs = 'Get-PSCallStack'; gdr = 'Get-PSDrive'; ghy = 'Get-History'
        gi = 'Get-Item'; gin = 'Get-ComputerInfo'; gjb = 'Get-Job'; gl = 'Get-Location'; gm = 'Get-Member'; gmo = 'Get-Module'
        gp = 'Get-ItemProperty'; gps = 'Get-Process'; gpv = 'Get-ItemPropertyValue'; group = 'Group-Object'; gsn = 'Get-PSSession'
        gsnp = 'Get-PSSnapin'; gsv = 'Get-Service'; gtz = 'Get-TimeZone'; gu = 'Get-Unique'; gv = 'Get-Variable'; gwmi = 'Get-WmiObject'
        h = 'Get-History'; history = 'Get-History'; icm = 'Invoke-Command'; iex = 'Invoke-Expression'; ihy = 'Invoke-History'; ii = 'Invoke-Item'
        ipal = 'Import-Alias'; ipcsv = 'Import-Csv'; ipmo = 'Import-Module'; ipsn = 'Import-PSSession'; irm = 'Invoke-RestMethod'
        iwmi = 'Invoke-WmiMethod'; iwr = 'Invoke-WebRequest'; kill = 'Stop-Process'; lp = 'Out-Printer'; ls = 'Get-ChildItem'; man = 'help'
        md = 'mkdir'; measure = 'Measure-Object'; mi = 'Move-Item'; mount = 'New-PSDrive'; move = 'Move-Item'; mp = 'Move-ItemProperty'
        mv = 'Move-Item'; nal = 'New-Alias'; ndr = 'New-PSDrive'; ni = 'New-Item'; nmo = 'New-Module'
        npssc = 'New-PSSessionConfigurationFile'; nsn = 'New-PSSession'; nv = 'New-Variable'; ogv = 'Out-GridView'; oh = 'Out-Host'
        popd = 'Pop-Location'; ps = 'Get-Process'; pushd = 'Push-Location'; pwd = 'Get-Location'; r = 'Invoke-History'
        rbp = 'Remove-PSBreakpoint'; rcjb = 'Receive-Job'; rcsn = 'Receive-PSSession'; rd = 'Remove-Item'; rdr = 'Remove-PSDrive'
        ren = 'Rename-Item'; ri = 'Remove-Item'; rjb = 'Remove-Job'; rm = 'Remove-Item'; rmdir = 'Remove-Item'; rmo = 'Remove-Module'
        rni = 'Rename-Item'; rnp = 'Rename-ItemProperty'; rp = 'Remove-ItemProperty'; rsn = 'Remove-PSSession'; rsnp = 'Remove-PSSnapin'
        rujb = 'Resume-Job'; rv = 'Remove-Variable'; rvpa = 'Resolve-Path'; rwmi = 'Remove-WmiObject'; sajb = 'Start-Job'; sal = 'Set-Alias'
        saps = 'Start-Process'; sasv = 'Start-Service'; sbp = 'Set-PSBreakpoint'; sc = 'Set-Content'; scb = 'Set-Clipboard'
        select = 'Select-Object'; set = 'Set-Variable'; shcm = 'Show-Command'; si = 'Set-Item'; sl = 'Set-Location'; sleep = 'Start-Sleep'
        sls = 'Select-String'; sort = 'Sort-Object'; sp = 'Set-ItemProperty'; spjb = 'Stop-Job'; spps = 'Stop-Process'; spsv = 'Stop-Service'
        start = 'Start-Process'; stz = 'Set-TimeZone'; sujb = 'Suspend-Job'; sv = 'Set-Variable'; swmi = 'Set-WmiInstance'; tee = 'Tee-Object'
        trcm = 'Trace-Command'; type = 'Get-Content'; wget = 'Invoke-WebRequest'; where = 'Where-Object'; wjb = 'Wait-Job'; write = 'Write-Output'
    }

    # With their short names.
    CommonParameters    = @{
        Debug = 'db'; ErrorAction = 'ea'; ErrorVariable = 'ev'; InformationAction = 'infa'; InformationVariable = 'iv'; OutBuffer = 'ob'
        OutVariable = 'ov'; PipelineVariable = 'pv'; Verbose = 'vb'; WarningAction = 'wa'; WarningVariable = 'wv'
    }

    # Parameters that a provider adds, and the few aliases of parameters that are worth knowing.
    MoreParameters      = @{
        'Add-Member'        = @('Type')
        'ConvertTo-Csv'     = @('NTI')
        'Export-Csv'        = @('NTI')
        'Get-ChildItem'     = @('CodeSigningCert', 'DocumentEncryptionCert', 'SSLServerAuthentication', 'DnsName', 'Eku', 'ExpiringInDays')
        'Get-Content'       = @('First', 'Head', 'Last')
        'Get-Item'          = @('Stream')
        'Get-Process'       = @('PID', 'ProcessName')
        'New-Item'          = @('Type')
        'Remove-Item'       = @('Stream', 'DeleteKey')
        'Set-ItemProperty'  = @('Type')
        'Set-Item'          = @('Type', 'Options')
        'Start-Process'     = @('Args')
        'Stop-Process'      = @('ProcessName')
    }

    # Values that came later, by parameter.
    NewerValues         = @{
        ErrorAction       = @('Break')
        InformationAction = @('Break')
        WarningAction     = @('Break')
        Encoding          = @('ansi', 'utf8BOM', 'utf8NoBOM')
        Method            = @('CustomMethod')
    }

    # More arguments by position than 5.1 takes.
    PositionalLimits    = @{ 'Join-Path' = 2 }

    NewerVariables      = @(
        'EnabledExperimentalFeatures', 'IsCoreCLR', 'IsLinux', 'IsMacOS', 'IsWindows', 'PSNativeCommandArgumentPassing',
        'PSNativeCommandUseErrorActionPreference', 'PSStyle'
    )
    # Of $PSVersionTable.
    NewerVersionKeys    = @('GitCommitId', 'OS', 'Platform')

    # Type accelerators; the CIM types are of an assembly that the list leaves out, so their members are not judged.
    Accelerators        = @{
        adsi = 'System.DirectoryServices.DirectoryEntry'; adsisearcher = 'System.DirectoryServices.DirectorySearcher'
        Alias = 'System.Management.Automation.AliasAttribute'
        AllowEmptyCollection = 'System.Management.Automation.AllowEmptyCollectionAttribute'
        AllowEmptyString = 'System.Management.Automation.AllowEmptyStringAttribute'; AllowNull = 'System.Management.Automation.AllowNullAttribute'
        ArgumentCompleter = 'System.Management.Automation.ArgumentCompleterAttribute'; array = 'System.Array'; bigint = 'System.Numerics.BigInteger'
        bool = 'System.Boolean'; byte = 'System.Byte'; char = 'System.Char'; cimclass = 'Microsoft.Management.Infrastructure.CimClass'
        cimconverter = 'Microsoft.Management.Infrastructure.CimConverter'; ciminstance = 'Microsoft.Management.Infrastructure.CimInstance'
        CimSession = 'Microsoft.Management.Infrastructure.CimSession'; cimtype = 'Microsoft.Management.Infrastructure.CimType'
        CmdletBinding = 'System.Management.Automation.CmdletBindingAttribute'; cultureinfo = 'System.Globalization.CultureInfo'
        datetime = 'System.DateTime'; decimal = 'System.Decimal'; double = 'System.Double'; DscProperty = 'System.Management.Automation.DscPropertyAttribute'
        DscResource = 'System.Management.Automation.DscResourceAttribute'; float = 'System.Single'; guid = 'System.Guid'
        hashtable = 'System.Collections.Hashtable'; initialsessionstate = 'System.Management.Automation.Runspaces.InitialSessionState'
        int = 'System.Int32'; int16 = 'System.Int16'; int32 = 'System.Int32'; int64 = 'System.Int64'; ipaddress = 'System.Net.IPAddress'
        IPEndpoint = 'System.Net.IPEndPoint'; long = 'System.Int64'; mailaddress = 'System.Net.Mail.MailAddress'
        NullString = 'System.Management.Automation.Language.NullString'; ObjectSecurity = 'System.Security.AccessControl.ObjectSecurity'
        OutputType = 'System.Management.Automation.OutputTypeAttribute'; Parameter = 'System.Management.Automation.ParameterAttribute'
        PhysicalAddress = 'System.Net.NetworkInformation.PhysicalAddress'; powershell = 'System.Management.Automation.PowerShell'
        psaliasproperty = 'System.Management.Automation.PSAliasProperty'; pscredential = 'System.Management.Automation.PSCredential'
        pscustomobject = 'System.Management.Automation.PSObject'; PSDefaultValue = 'System.Management.Automation.PSDefaultValueAttribute'
        pslistmodifier = 'System.Management.Automation.PSListModifier'; psmoduleinfo = 'System.Management.Automation.PSModuleInfo'
        psnoteproperty = 'System.Management.Automation.PSNoteProperty'; psobject = 'System.Management.Automation.PSObject'
        psprimitivedictionary = 'System.Management.Automation.PSPrimitiveDictionary'; psscriptmethod = 'System.Management.Automation.PSScriptMethod'
        psscriptproperty = 'System.Management.Automation.PSScriptProperty'; PSTypeNameAttribute = 'System.Management.Automation.PSTypeNameAttribute'
        psvariable = 'System.Management.Automation.PSVariable'; psvariableproperty = 'System.Management.Automation.PSVariableProperty'
        ref = 'System.Management.Automation.PSReference'; regex = 'System.Text.RegularExpressions.Regex'
        runspace = 'System.Management.Automation.Runspaces.Runspace'; runspacefactory = 'System.Management.Automation.Runspaces.RunspaceFactory'
        sbyte = 'System.SByte'; scriptblock = 'System.Management.Automation.ScriptBlock'; securestring = 'System.Security.SecureString'
        single = 'System.Single'; string = 'System.String'; SupportsWildcards = 'System.Management.Automation.SupportsWildcardsAttribute'
        switch = 'System.Management.Automation.SwitchParameter'; timespan = 'System.TimeSpan'; type = 'System.Type'; uint16 = 'System.UInt16'
        uint32 = 'System.UInt32'; uint64 = 'System.UInt64'; uri = 'System.Uri'; ValidateCount = 'System.Management.Automation.ValidateCountAttribute'
        ValidateDrive = 'System.Management.Automation.ValidateDriveAttribute'; ValidateLength = 'System.Management.Automation.ValidateLengthAttribute'
        ValidateNotNull = 'System.Management.Automation.ValidateNotNullAttribute'
        ValidateNotNullOrEmpty = 'System.Management.Automation.ValidateNotNullOrEmptyAttribute'
        ValidatePattern = 'System.Management.Automation.ValidatePatternAttribute'; ValidateRange = 'System.Management.Automation.ValidateRangeAttribute'
        ValidateScript = 'System.Management.Automation.ValidateScriptAttribute'; ValidateSet = 'System.Management.Automation.ValidateSetAttribute'
        ValidateUserDrive = 'System.Management.Automation.ValidateUserDriveAttribute'; version = 'System.Version'; void = 'System.Void'
        WildcardPattern = 'System.Management.Automation.WildcardPattern'; wmi = 'System.Management.ManagementObject'
        wmiclass = 'System.Management.ManagementClass'; wmisearcher = 'System.Management.ManagementObjectSearcher'
        X500DistinguishedName = 'System.Security.Cryptography.X509Certificates.X500DistinguishedName'
        X509Certificate = 'System.Security.Cryptography.X509Certificates.X509Certificate'; xml = 'System.Xml.XmlDocument'
    }

    # Members that PowerShell adds: to everything, and by types.ps1xml.
    AddedMembers        = @('Count', 'ForEach', 'Length', 'PSAdapted', 'PSBase', 'PSExtended', 'PSObject', 'PSTypeNames', 'Where')
    AddedMembersOf      = @{
        'System.DateTime'                                                = @('DateTime')
        'System.Diagnostics.Process'                                     = @('CPU', 'Company', 'Description', 'FileVersion', 'Handles', 'Name', 'NPM', 'Path', 'PM', 'Product', 'ProductVersion', 'SI', 'VM', 'WS')
        'System.IO.FileSystemInfo'                                       = @('BaseName', 'LinkType', 'Mode', 'PSChildName', 'PSDrive', 'PSIsContainer', 'PSParentPath', 'PSPath', 'PSProvider', 'Target', 'VersionInfo')
        'System.Net.IPAddress'                                           = @('IPAddressToString')
        'System.Security.Cryptography.X509Certificates.X509Certificate2' = @('DnsNameList', 'EnhancedKeyUsageList', 'PolicyId', 'SendAsTrustedIssuer')
    }

    # Methods whose longer overloads came later: the most arguments that .NET Framework 4.7.2 takes.
    MostArguments       = @{
        'System.Collections.Generic.Dictionary`2.Remove'                                  = 1
        'System.Diagnostics.Process.Kill'                                                 = 0
        'System.Enum.GetNames'                                                            = 1
        'System.Enum.GetValues'                                                           = 1
        'System.IO.File.Move'                                                             = 2
        'System.IO.Path.GetFullPath'                                                      = 1
        'System.Security.Cryptography.X509Certificates.X509Certificate.GetCertHash'       = 0
        'System.Security.Cryptography.X509Certificates.X509Certificate.GetCertHashString' = 0
        'System.String.Contains'                                                          = 1
        'System.String.GetHashCode'                                                       = 0
        'System.String.Replace'                                                           = 2
    }
}
