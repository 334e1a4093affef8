# The binding to the native library: all of it, and nothing else. A test compares the table with include/group_writeback.h.

# One row a function: name, result, parameters. In words of the header's types:
#   bytes = const uint8_t *   size = size_t   handle = uint64_t   handle& = uint64_t *   buffer& = struct gwb_buffer *
$script:GwbNativeTable = @(
    , @('gwb_abi_version', 'u32', @())
    , @('gwb_version', 'i32', @('buffer&', 'buffer&'))
    , @('gwb_open', 'i32', @('bytes', 'size', 'handle&', 'buffer&'))
    , @('gwb_close', 'i32', @('handle', 'buffer&'))
    , @('gwb_enable', 'i32', @('handle', 'bytes', 'size', 'handle&', 'buffer&'))
    , @('gwb_disable', 'i32', @('handle', 'bytes', 'size', 'handle&', 'buffer&'))
    , @('gwb_sync', 'i32', @('handle', 'bytes', 'size', 'handle&', 'buffer&'))
    , @('gwb_query', 'i32', @('handle', 'bytes', 'size', 'handle&', 'buffer&'))
    , @('gwb_next', 'i32', @('handle', 'u32', 'buffer&', 'buffer&'))
    , @('gwb_answer', 'i32', @('handle', 'bytes', 'size', 'buffer&'))
    , @('gwb_cancel', 'i32', @('handle', 'buffer&'))
    , @('gwb_release', 'i32', @('handle', 'buffer&'))
    , @('gwb_buffer_free', 'void', @('buffer&'))
)

$script:GwbAbiVersion = 1

# What gwb_* functions return.
$script:GwbStatus = @{ Ok = 0; Pending = 1; End = 2; InvalidHandle = 100; InvalidArgument = 101; Error = 102; Panic = 103 }

function New-GwbNativeType {
    # Builds the .NET types for the table: the functions of one library file, and gwb_buffer. No compiler, no temporary file.
    param([Parameter(Mandatory)] [string] $Path)

    $ErrorActionPreference = 'Stop'
    $name = New-Object System.Reflection.AssemblyName 'GroupWriteback.Native'
    $assembly = [System.Reflection.Emit.AssemblyBuilder]::DefineDynamicAssembly($name, [System.Reflection.Emit.AssemblyBuilderAccess]::Run)
    $module = $assembly.DefineDynamicModule('GroupWriteback.Native')

    $layout = [System.Reflection.TypeAttributes]'Public, SequentialLayout, Sealed, BeforeFieldInit'
    $struct = $module.DefineType('GroupWriteback.Native.Buffer', $layout, [System.ValueType])
    $null = $struct.DefineField('Ptr', [IntPtr], [System.Reflection.FieldAttributes]::Public)
    $null = $struct.DefineField('Len', [UIntPtr], [System.Reflection.FieldAttributes]::Public)
    $buffer = $struct.CreateType()

    $types = @{
        'u32' = [uint32]; 'i32' = [int32]; 'void' = [void]; 'bytes' = [byte[]]; 'size' = [UIntPtr]
        'handle' = [uint64]; 'handle&' = [uint64].MakeByRefType(); 'buffer&' = $buffer.MakeByRefType()
    }
    $class = $module.DefineType('GroupWriteback.Native.Library', [System.Reflection.TypeAttributes]'Public, Abstract, Sealed, BeforeFieldInit')
    foreach ($row in $script:GwbNativeTable) {
        $parameters = [Type[]] @(foreach ($word in $row[2]) { $types[$word] })
        $method = $class.DefinePInvokeMethod($row[0], $Path, $row[0],
            [System.Reflection.MethodAttributes]'Public, Static, PinvokeImpl', [System.Reflection.CallingConventions]::Standard,
            $types[$row[1]], $parameters,
            [System.Runtime.InteropServices.CallingConvention]::Cdecl, [System.Runtime.InteropServices.CharSet]::None)
        # Without PreserveSig results are taken as HRESULTs.
        $method.SetImplementationFlags([System.Reflection.MethodImplAttributes]::PreserveSig)
    }
    [pscustomobject]@{ Path = $Path; Library = $class.CreateType(); Buffer = $buffer; AbiVersion = 0; EngineVersion = '' }
}
